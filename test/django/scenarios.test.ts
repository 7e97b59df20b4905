import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, type ExpectStatic, expect, test } from 'vitest'
import { expectNoRow } from '../auditRows.ts'
import { createBrowserOptions } from '../browser.ts'
import { readStoredTime } from '../databases.ts'
import {
  type DjangoProcess,
  type DjangoProject,
  idleTimeoutSeconds,
  startDjangoProject,
  type Username,
} from './startDjangoProject.ts'

/** Longer than an idle session and its sweep take. */
const sweepTimeout = { timeout: 40_000 }

let project: DjangoProject
let app: DjangoProcess
let replica: DjangoProcess
let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
  project = await startDjangoProject()
  app = await project.serve()
  replica = await project.serve()
})
afterAll(async () => {
  await browser.close()
  await project.end()
})

const contexts: BrowserContext[] = []

async function openBrowser() {
  const context = await browser.newContext()
  contexts.push(context)
  return { context, page: await context.newPage() }
}

async function signIn(context: BrowserContext, username: Username, url = app.url): Promise<void> {
  const form = { username, password: project.password }
  const response = await context.request.post(`${url}/sign-in/`, { form })
  expect(response.status()).toBe(204)
}

/**
 * Reads the rows that no other row supersedes. The browser may report the same end first, and know less about it.
 *
 * @param subject leaves out the rows of other users.
 */
async function readCurrentRows(subject?: string) {
  const rows = await project.collector.database.readRows()
  const superseded = rows.map(({ supersedes }) => supersedes)
  const current = rows.filter(({ id }) => !superseded.includes(id))
  return current.filter((row) => subject === undefined || row.subject === subject)
}

/** Waits for the only current row, and then long enough for another one to arrive. */
async function expectOneCurrentRow(check: ExpectStatic = expect, subject?: string) {
  await check.poll(() => readCurrentRows(subject), sweepTimeout).not.toEqual([])
  await sleep(1000)
  const rows = await readCurrentRows(subject)
  check(rows).toHaveLength(1)
  return rows[0] ?? {}
}

/** Waits for the row of the sweep, whose last access is the given time, give or take what a request takes. */
async function expectTimeoutAfter(check: ExpectStatic, lastAccessAt: number, subject: string) {
  const row = await expectOneCurrentRow(check, subject)
  check(row).toMatchObject({ reason: 'idle_timeout', evidence: 'server', detected_by: 'sweep' })
  check(row.idle_timeout_seconds).toBe(idleTimeoutSeconds)
  const recorded = readStoredTime(row.last_access_at)
  check(Math.abs(recorded - lastAccessAt)).toBeLessThan(1000)
  check(readStoredTime(row.expired_at)).toBe(recorded + idleTimeoutSeconds * 1000)
  return row
}

// These tests wait for timeouts, so they run at the same time. Each has its own user.
describe.concurrent('In a Django project with the package, in Chromium, while time passes,', () => {
  test('the session of a user who never comes back is recorded once, and a late return adds nothing', async ({
    expect,
  }) => {
    const { context, page } = await openBrowser()
    await signIn(context, 'idle')
    await page.goto(app.url)
    const row = await expectTimeoutAfter(expect, Date.now(), project.users.idle)
    await page.goto(app.url)
    expect(await page.textContent('p')).toBe('Signed out')
    expect(await expectOneCurrentRow(expect, project.users.idle)).toEqual(row)
  })

  test('requests in the background keep a session alive, on two processes of the project in turn', async ({
    expect,
  }) => {
    const { context } = await openBrowser()
    await signIn(context, 'polling')
    const end = Date.now() + 2 * idleTimeoutSeconds * 1000
    for (let count = 0; Date.now() < end; count++) {
      const { url } = count % 2 === 0 ? app : replica
      const response = await context.request.get(`${url}/poll/`)
      expect(await response.json()).toEqual({ isSignedIn: true })
      await sleep(400)
    }
    const lastAccessAt = Date.now() - 400
    expect(await readCurrentRows(project.users.polling)).toEqual([])
    await expectTimeoutAfter(expect, lastAccessAt, project.users.polling)
  })

  test('a sign-out on a page whose session has expired is recorded as the timeout', async ({ expect }) => {
    const { context, page } = await openBrowser()
    await signIn(context, 'late')
    await page.goto(app.url)
    const lastAccessAt = Date.now()
    await sleep((idleTimeoutSeconds + 1) * 1000)
    await context.request.post(`${app.url}/sign-out/`)
    await expectTimeoutAfter(expect, lastAccessAt, project.users.late)
  })

  test('a sign-out by an idle timer of the project is recorded as the timeout', async ({ expect }) => {
    const timed = await project.serve({ SESSION_COOKIE_AGE: '600', LAPSE_IDLE_TIMEOUT_SECONDS: '3' })
    const { context } = await openBrowser()
    await signIn(context, 'timed', timed.url)
    await sleep(3200)
    await context.request.post(`${timed.url}/sign-out/`)
    const row = await expectOneCurrentRow(expect, project.users.timed)
    expect(row).toMatchObject({ subject: project.users.timed, reason: 'idle_timeout', evidence: 'server' })
    expect(row.idle_timeout_seconds).toBe(3)
    await timed.stop('SIGINT')
  })
})

describe('In a Django project with the package, in Chromium,', () => {
  beforeEach(async () => {
    for (const table of ['session_audit', 'session_live'])
      await project.collector.database.sql(table).delete()
  })
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close()
  })

  test('a sign-out is recorded as a logout, and the page after it adds nothing', async () => {
    const { context, page } = await openBrowser()
    await signIn(context, 'anna')
    await page.goto(app.url)
    await context.request.post(`${app.url}/sign-out/`)
    await page.goto(app.url)
    const row = await expectOneCurrentRow()
    expect(row).toMatchObject({ subject: project.users.anna, reason: 'logout', evidence: 'server' })
  })

  test('a session over which another user signs in is displaced, and the new session goes on', async () => {
    const { context, page } = await openBrowser()
    await signIn(context, 'anna')
    await page.goto(app.url)
    await signIn(context, 'berta', replica.url)
    await page.goto(app.url)
    const row = await expectOneCurrentRow()
    expect(row).toMatchObject({ subject: project.users.anna, reason: 'displaced', evidence: 'server' })
    expect(await page.getAttribute('[data-subject]', 'data-subject')).toBe(project.users.berta)
  })

  test('a change of the password revokes the user’s other sessions, and keeps its own', async () => {
    const [own, other] = [await openBrowser(), await openBrowser()]
    for (const { context } of [own, other]) await signIn(context, 'berta')
    await other.page.goto(app.url)
    const alias = await other.page.getAttribute('[data-session]', 'data-session')
    await expect.poll(() => project.collector.database.sql('session_live')).toHaveLength(2)
    await own.context.request.post(`${app.url}/change-password/`)
    await own.page.goto(app.url)
    await other.page.goto(replica.url)
    expect(await other.page.textContent('p')).toBe('Signed out')
    expect(await own.page.textContent('p')).toBe('Signed in')
    const row = await expectOneCurrentRow()
    expect(row).toMatchObject({ session: alias, subject: project.users.berta, reason: 'revoked' })
  })

  test('nobody waits for a collector that is down, and what it missed is recorded with its own times', async () => {
    const { context } = await openBrowser()
    await signIn(context, 'anna')
    await expect.poll(() => project.collector.database.sql('session_live')).toHaveLength(1)
    await project.collector.stop()
    let signedOutAt: number
    try {
      const start = Date.now()
      for (let count = 0; count < 20; count++) await context.request.get(`${app.url}/poll/`)
      await context.request.post(`${app.url}/sign-out/`)
      signedOutAt = Date.now()
      // Much less than the shortest timeout of a connection would add to one of them.
      expect(signedOutAt - start).toBeLessThan(5000)
      expect((await context.request.get(`${app.url}/poll/`)).status()).toBe(200)
      await sleep(1500)
    } finally {
      await project.collector.start()
    }
    // The collector may have presumed a timeout before the report arrived, which corrects it.
    await expect.poll(() => readCurrentRows(), sweepTimeout).toMatchObject([{ reason: 'logout' }])
    const row = await expectOneCurrentRow()
    expect(row).toMatchObject({ subject: project.users.anna, reason: 'logout' })
    expect(Math.abs(readStoredTime(row.detected_at) - signedOutAt)).toBeLessThan(1000)
    expect(readStoredTime(row.received_at)).toBeGreaterThan(signedOutAt + 1000)
  })

  test('reports survive a crash of the project in its queue directory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const environment = { LAPSE_QUEUE_DIR: join(folder, 'queue') }
    const crashing = await project.serve(environment)
    const { context } = await openBrowser()
    await signIn(context, 'anna', crashing.url)
    await project.collector.stop()
    try {
      await context.request.post(`${crashing.url}/sign-out/`)
      await sleep(1000)
      await crashing.stop('SIGKILL')
    } finally {
      await project.collector.start()
    }
    await expectNoRow(project.collector.database)
    const restarted = await project.serve(environment)
    await signIn(context, 'anna', restarted.url)
    const row = await expectOneCurrentRow()
    expect(row).toMatchObject({ subject: project.users.anna, reason: 'logout' })
    await restarted.stop('SIGINT')
    rmSync(folder, { recursive: true })
  })
})
