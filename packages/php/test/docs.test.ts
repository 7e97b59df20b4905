import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { jwtVerify } from 'jose'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { createBrowserOptions } from '../../../test/browser.ts'
import { readCodeBlocks } from '../../../test/markdown.ts'
import { root } from '../../../test/root.ts'
import { findFreePort } from '../../../test/servers.ts'
import { type PhpCollector, startPhpCollector, ticketSecret } from './phpCollector.ts'
import { type PhpApplication, PhpVisitor, startPhpFolder } from './phpServers.ts'
import { lapsePhpPath, runPhp } from './runPhp.ts'

const guide = 'docs/guides/php.md'
const readme = 'packages/php/README.md'

/** The PHP files that a page shows. The first line of each has its name. */
function readFiles(page: string): ReadonlyMap<string, string> {
  const blocks = readCodeBlocks().filter(({ file, language }) => file === page && language === 'php')
  return new Map(blocks.map(({ code }) => [/^<\?php \/\/ ([\w-]+\.php)/.exec(code)?.[1] ?? code, code]))
}

/** Collectors by the idle timeout of their site. */
const collectors = new Map<number, PhpCollector>()
let ports: number[]
beforeAll(async () => {
  ports = await Promise.all(Array.from({ length: 8 }, findFreePort))
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  for (const idleTimeoutSeconds of [3, 1800]) {
    const site = { idleTimeoutSeconds, origins, requireTicket: true }
    collectors.set(idleTimeoutSeconds, await startPhpCollector(site, { sweep: { everySeconds: 1 } }))
  }
})
afterAll(() => Promise.all([...collectors.values()].map((collector) => collector.end())))

interface ShownApplication extends PhpApplication {
  readonly folder: string
  readonly visitor: PhpVisitor
  readonly environment: Readonly<Record<string, string>>
  flush(): Promise<void>
  /** Reads the rows of a session. */
  readRows(alias: unknown): Promise<Record<string, unknown>[]>
  /** Reads the rows of a session that no other row corrects. */
  readCurrentRows(alias: unknown): Promise<Record<string, unknown>[]>
  readLive(alias: unknown): Promise<Record<string, unknown>[]>
}

/**
 * Installs the application of a page, with the addresses of the test.
 *
 * @param idleTimeoutSeconds replaces that of the page. A session is then checked as `timeout.php` of the guide shows.
 */
async function startShownApplication(
  { expect, onTestFinished }: TestContext,
  page: string,
  idleTimeoutSeconds = 1800,
): Promise<ShownApplication> {
  const collector = collectors.get(idleTimeoutSeconds)
  if (!collector) throw new Error(`There is no collector for a timeout of ${idleTimeoutSeconds} seconds.`)
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  copyFileSync(lapsePhpPath, join(folder, 'Lapse.php'))
  for (const [name, code] of readFiles(page)) {
    const placed = code
      .replace('https://lapse.acme.com', collector.url)
      .replace('/var/lib/acme/lapse', join(folder, 'queue'))
    writeFileSync(join(folder, name), shorten(placed, idleTimeoutSeconds))
  }
  const environment = { LAPSE_TOKEN: String(collector.args.token), ACME_TICKET_SECRET: ticketSecret }
  const application = await startPhpFolder(folder, environment, ports.pop() ?? 0)
  onTestFinished(application.end)
  const readRows = async (alias: unknown) => {
    const rows = await collector.database.readRows()
    return rows.filter(({ session }) => session === alias)
  }
  return {
    ...application,
    folder,
    visitor: new PhpVisitor(application),
    environment,
    async flush() {
      const script = `<?php require ${JSON.stringify(join(folder, 'flush.php'))};`
      expect(await runPhp(script, { environment })).toEqual({ status: 0, output: '', log: '' })
    },
    readRows,
    async readCurrentRows(alias) {
      const rows = await readRows(alias)
      return rows.filter(({ id }) => rows.every(({ supersedes }) => supersedes !== id))
    },
    readLive: (alias) => collector.database.sql('session_live').where('session', String(alias)),
  }
}

function shorten(code: string, idleTimeoutSeconds: number): string {
  if (idleTimeoutSeconds === 1800) return code
  return code
    .replace('idleTimeoutSeconds: 1800', `idleTimeoutSeconds: ${idleTimeoutSeconds}`)
    .replace('1_800_000', `${idleTimeoutSeconds}_000`)
    .replace('session_start();', `session_start(); require __DIR__ . '/timeout.php';`)
}

const readAlias = (page: string) => /data-session="(\w+)"/.exec(page)?.[1]

// These tests wait for timeouts, so they run at the same time. Each has its own sessions.
describe.concurrent('The application of the guide', () => {
  test('reports that a session is live, and its logout', async (context) => {
    const { expect } = context
    const app = await startShownApplication(context, guide)
    expect((await app.visitor.request('/page.php')).page).toContain('data-state="absent"')
    const { page } = await app.visitor.request('/sign-in.php')
    expect(page).toContain('data-state="active" data-subject="42"')
    const ticket = /data-ticket="([^"]+)"/.exec(page)?.[1] ?? ''
    const { payload } = await jwtVerify(ticket, new TextEncoder().encode(ticketSecret))
    expect(payload).toMatchObject({ iss: 'acme', sub: '42', idle: 1800 })
    await app.flush()
    expect(await app.readLive(payload.sid)).toMatchObject([{ subject: '42', evidence: 'server' }])
    expect((await app.visitor.request('/sign-out.php')).page).toContain('data-state="absent"')
    await app.flush()
    expect(await app.readRows(payload.sid)).toMatchObject([{ subject: '42', reason: 'logout' }])
    expect(app.log()).not.toMatch(/Lapse:|Warning|Fatal/)
  })

  test('reports a second sign-in as displaced', async (context) => {
    const { expect } = context
    const app = await startShownApplication(context, guide)
    const first = readAlias((await app.visitor.request('/sign-in.php')).page)
    await app.flush()
    const second = readAlias((await app.visitor.request('/sign-in.php')).page)
    await app.flush()
    expect(await app.readRows(first)).toMatchObject([{ reason: 'displaced' }])
    expect(await app.readLive(first)).toEqual([])
    expect(await app.readLive(second)).toHaveLength(1)
  })

  test('has one row for a user who comes back after the timeout, with its check of the time', async (context) => {
    const { expect } = context
    const app = await startShownApplication(context, guide, 3)
    const alias = readAlias((await app.visitor.request('/sign-in.php')).page)
    await app.flush()
    await sleep(3500)
    expect((await app.visitor.request('/page.php')).page).toContain('data-state="absent"')
    await app.flush()
    expect(await app.readRows(alias)).toMatchObject([{ reason: 'idle_timeout', subject: '42' }])
  })

  test('decides by its own store when a report is due', async (context) => {
    const { expect } = context
    const { folder, environment, readLive } = await startShownApplication(context, guide)
    const redis = `$redis = new class { public function set(string $key, int $value, array $options): bool {
      echo $key, json_encode($options); return true; } };`
    const file = join(folder, 'throttle.php')
    const script = `<?php require ${JSON.stringify(join(folder, 'Lapse.php'))}; ${redis}
require ${JSON.stringify(file)}; $lapse->active('u_7', 'a1f');`
    const { output } = await runPhp(script, { environment })
    expect(output).toBe('lapse:a1f{"0":"nx","ex":300}')
    expect(await readLive('a1f')).toMatchObject([{ subject: 'u_7' }])
  })
})

describe.concurrent('The application of the guide, in a browser,', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
  })
  afterAll(() => browser.close())

  async function signIn(app: ShownApplication): Promise<{ page: Page; alias: string | null }> {
    const page = await browser.newPage()
    await page.goto(`${app.url}/sign-in.php`)
    await page.waitForFunction(() => document.cookie.includes('ticket'))
    await app.flush()
    return { page, alias: await page.getAttribute('[data-session]', 'data-session') }
  }

  test('has one row for a user who comes back after the timeout', async (context) => {
    const { expect } = context
    const app = await startShownApplication(context, guide, 3)
    const { page, alias } = await signIn(app)
    await page.goto('about:blank')
    await sleep(3500)
    await page.goto(`${app.url}/page.php`)
    await page.waitForFunction(() => !document.cookie.includes('ticket'))
    await app.flush()
    await sleep(1000)
    const rows = await app.readRows(alias)
    expect(rows).toMatchObject(rows.map(() => ({ reason: 'idle_timeout', subject: '42' })))
    expect(await app.readCurrentRows(alias)).toHaveLength(1)
  })

  test('has one row for a user who signs out', async (context) => {
    const { expect } = context
    const app = await startShownApplication(context, guide)
    const { page, alias } = await signIn(app)
    await page.click('text=Sign out')
    await page.waitForFunction(() => !document.cookie.includes('ticket'))
    await app.flush()
    await sleep(1000)
    expect(await app.readCurrentRows(alias)).toMatchObject([
      { reason: 'logout', subject: '42', evidence: 'server' },
    ])
  })
})

test.concurrent('The application of the README reports that a session is live, and its logout', async (context) => {
  const { expect } = context
  const app = await startShownApplication(context, readme)
  const { page } = await app.visitor.request('/sign-in.php')
  expect(page).toContain('data-state="active" data-subject="42"')
  expect((await app.visitor.request('/sign-out.php')).page).toContain('data-state="absent"')
  writeFileSync(
    join(app.folder, 'flush.php'),
    `<?php require ${JSON.stringify(join(app.folder, 'session.php'))}; $lapse->flush();`,
  )
  await app.flush()
  expect(await app.readRows(readAlias(page))).toMatchObject([
    { subject: '42', reason: 'logout', evidence: 'server' },
  ])
})

test('Composer installs Lapse as the guide shows', async ({ onTestFinished, skip }) => {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const composer = (process.env.PATH ?? '')
    .split(':')
    .map((path) => join(path, 'composer'))
    .find(existsSync)
  skip(!composer, 'composer is not installed')
  const block = readCodeBlocks().find(({ file, language }) => file === guide && language === 'json')
  const project = join(folder, 'project')
  mkdirSync(project)
  cpSync(join(root, 'packages/php'), join(folder, 'package'), { recursive: true })
  writeFileSync(
    join(project, 'composer.json'),
    (block?.code ?? '').replace('../lapse/packages/php', '../package'),
  )
  const env = { ...process.env, COMPOSER_HOME: join(folder, 'composer'), COMPOSER_ALLOW_SUPERUSER: '1' }
  const offline = ['install', '--no-interaction', '--quiet']
  const config = { repositories: [{ packagist: false }] }
  mkdirSync(join(folder, 'composer'))
  writeFileSync(join(folder, 'composer/config.json'), JSON.stringify(config))
  await promisify(execFile)(composer ?? '', offline, { cwd: project, env })
  const script = `<?php require ${JSON.stringify(join(project, 'vendor/autoload.php'))}; echo Lapse\\Lapse::VERSION;`
  expect((await runPhp(script)).output).toBe('0.1.0')
})

test('Every PHP file that the pages show is part of an application that is tested here', () => {
  expect([...readFiles(guide).keys()]).toEqual([
    ...['audit.php', 'session.php', 'sign-in.php', 'page.php', 'sign-out.php'],
    ...['flush.php', 'timeout.php', 'throttle.php'],
  ])
  expect([...readFiles(readme).keys()]).toEqual(['session.php', 'sign-in.php', 'page.php', 'sign-out.php'])
})
