import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { jwtVerify } from 'jose'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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

let folder: string
let collector: PhpCollector | undefined
let application: PhpApplication | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterEach(async () => {
  await application?.end()
  application = undefined
  await collector?.end()
  collector = undefined
  rmSync(folder, { recursive: true })
})

const getCollector = (): PhpCollector => {
  if (!collector) throw new Error('The application has not been started.')
  return collector
}
const environment = () => ({
  LAPSE_TOKEN: String(getCollector().args.token),
  ACME_TICKET_SECRET: ticketSecret,
})

interface ShownOptions {
  /** Replaces the idle timeout of the page. The session is then checked as `timeout.php` of the guide shows. */
  readonly idleTimeoutSeconds?: number
}

/** Installs the application of a page, with the addresses of the test, and starts a collector for it. */
async function startShownApplication(
  page: string,
  { idleTimeoutSeconds }: ShownOptions = {},
): Promise<PhpVisitor> {
  const port = await findFreePort()
  const site = {
    idleTimeoutSeconds: idleTimeoutSeconds ?? 1800,
    origins: [`http://127.0.0.1:${port}`],
    requireTicket: true,
  }
  collector = await startPhpCollector(site, { sweep: { everySeconds: 1 } })
  copyFileSync(lapsePhpPath, join(folder, 'Lapse.php'))
  for (const [name, code] of readFiles(page)) {
    const placed = code
      .replace('https://lapse.acme.com', collector.url)
      .replace('/var/lib/acme/lapse', join(folder, 'queue'))
    writeFileSync(join(folder, name), idleTimeoutSeconds ? shorten(placed, idleTimeoutSeconds) : placed)
  }
  application = await startPhpFolder(folder, environment(), port)
  return new PhpVisitor(application)
}

function shorten(code: string, idleTimeoutSeconds: number): string {
  return code
    .replace('idleTimeoutSeconds: 1800', `idleTimeoutSeconds: ${idleTimeoutSeconds}`)
    .replace('1_800_000', `${idleTimeoutSeconds}_000`)
    .replace('session_start();', `session_start(); require __DIR__ . '/timeout.php';`)
}

async function flush(): Promise<void> {
  const script = `<?php require ${JSON.stringify(join(folder, 'flush.php'))};`
  expect(await runPhp(script, { environment: environment() })).toEqual({ status: 0, output: '', log: '' })
}

const readRows = () => getCollector().database.readRows()
/** Reads the rows that no other row corrects. */
async function readCurrentRows() {
  const rows = await readRows()
  return rows.filter(({ id }) => rows.every(({ supersedes }) => supersedes !== id))
}
const readLive = () => getCollector().database.sql('session_live')

describe('The application of the guide', () => {
  test('reports that a session is live, and its logout', async () => {
    const visitor = await startShownApplication(guide)
    expect((await visitor.request('/page.php')).page).toContain('data-state="absent"')
    const { page } = await visitor.request('/sign-in.php')
    expect(page).toContain('data-state="active" data-subject="42"')
    const ticket = /data-ticket="([^"]+)"/.exec(page)?.[1] ?? ''
    const { payload } = await jwtVerify(ticket, new TextEncoder().encode(ticketSecret))
    expect(payload).toMatchObject({ iss: 'acme', sub: '42', idle: 1800 })
    await flush()
    expect(await readLive()).toMatchObject([{ session: payload.sid, subject: '42', evidence: 'server' }])
    await sleep(1500)
    expect((await visitor.request('/sign-out.php')).page).toContain('data-state="absent"')
    await flush()
    expect(await readRows()).toMatchObject([{ session: payload.sid, subject: '42', reason: 'logout' }])
    expect(application?.log()).not.toMatch(/Lapse:|Warning|Fatal/)
  })

  test('reports a second sign-in as displaced', async () => {
    const visitor = await startShownApplication(guide)
    await visitor.request('/sign-in.php')
    await flush()
    await sleep(1500)
    await visitor.request('/sign-in.php')
    await flush()
    expect(await readRows()).toMatchObject([{ reason: 'displaced' }])
    expect(await readLive()).toHaveLength(1)
  })

  test('has one row for a user who comes back after the timeout, with its check of the time', async () => {
    const visitor = await startShownApplication(guide, { idleTimeoutSeconds: 3 })
    const { page } = await visitor.request('/sign-in.php')
    const alias = /data-session="(\w+)"/.exec(page)?.[1]
    await flush()
    await sleep(3500)
    expect((await visitor.request('/page.php')).page).toContain('data-state="absent"')
    await flush()
    const [row, ...others] = await readRows()
    expect(others).toEqual([])
    expect(row).toMatchObject({ session: alias, reason: 'idle_timeout', subject: '42' })
  })

  test('decides by its own store when a report is due', async () => {
    await startShownApplication(guide)
    const redis = `$redis = new class { public function set(string $key, int $value, array $options): bool {
      echo $key, json_encode($options); return true; } };`
    const file = join(folder, 'throttle.php')
    const script = `<?php require ${JSON.stringify(join(folder, 'Lapse.php'))}; ${redis}
require ${JSON.stringify(file)}; $lapse->active('u_7', 'a1f');`
    const { output } = await runPhp(script, { environment: environment() })
    expect(output).toBe('lapse:a1f{"0":"nx","ex":300}')
    expect(await readLive()).toMatchObject([{ subject: 'u_7' }])
  })

  test('is installed by Composer too', async ({ skip }) => {
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
})

describe('The application of the guide, in a browser,', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
  })
  afterAll(() => browser.close())

  async function signIn(options?: ShownOptions): Promise<Page> {
    await startShownApplication(guide, options)
    const page = await browser.newPage()
    await page.goto(`${application?.url}/sign-in.php`)
    await page.waitForFunction(() => document.cookie.includes('ticket'))
    await flush()
    return page
  }

  test('has one row for a user who comes back after the timeout', async () => {
    const page = await signIn({ idleTimeoutSeconds: 3 })
    await page.goto('about:blank')
    await sleep(3500)
    await page.goto(`${application?.url}/page.php`)
    await page.waitForFunction(() => !document.cookie.includes('ticket'))
    await flush()
    await sleep(1000)
    const reasons = (await readRows()).map(({ reason, subject }) => ({ reason, subject }))
    expect(new Set(reasons.map((row) => JSON.stringify(row)))).toEqual(
      new Set([JSON.stringify({ reason: 'idle_timeout', subject: '42' })]),
    )
    expect(await readCurrentRows()).toHaveLength(1)
  })

  test('has one row for a user who signs out', async () => {
    const page = await signIn()
    await sleep(1500)
    await page.click('text=Sign out')
    await page.waitForFunction(() => !document.cookie.includes('ticket'))
    await flush()
    await sleep(1000)
    expect(await readCurrentRows()).toMatchObject([{ reason: 'logout', subject: '42', evidence: 'server' }])
  })
})

test('The application of the README reports that a session is live, and its logout', async () => {
  const visitor = await startShownApplication(readme)
  expect((await visitor.request('/sign-in.php')).page).toContain('data-state="active" data-subject="42"')
  await sleep(1500)
  expect((await visitor.request('/sign-out.php')).page).toContain('data-state="absent"')
  writeFileSync(
    join(folder, 'flush.php'),
    `<?php require ${JSON.stringify(join(folder, 'session.php'))}; $lapse->flush();`,
  )
  await flush()
  expect(await readRows()).toMatchObject([{ subject: '42', reason: 'logout', evidence: 'server' }])
})

test('Every PHP file that the pages show is part of an application that is tested here', () => {
  expect([...readFiles(guide).keys()]).toEqual([
    ...['audit.php', 'session.php', 'sign-in.php', 'page.php', 'sign-out.php'],
    ...['flush.php', 'timeout.php', 'throttle.php'],
  ])
  expect([...readFiles(readme).keys()]).toEqual(['session.php', 'sign-in.php', 'page.php', 'sign-out.php'])
})
