import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore, type Store } from 'express-session'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNoRow, expectOneRow } from '../../../test/auditRows.ts'
import { createBrowserOptions } from '../../../test/browser.ts'
import type { TestCollector } from '../../../test/collector.ts'
import { serveApp, startSignedCollector } from '../../../test/exampleApp.ts'
import { findFreePort } from '../../../test/servers.ts'
import { createApp } from '../app.ts'
import { startRedisStores } from './redisStores.ts'

const longSeconds = 600
const shortSeconds = 6
const subject = 'u_1001'
const administrator = 'u_9001'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(() => browser.close())

describe.each(['memory', 'Redis'])('A server with its sessions in %s', { timeout: 90_000 }, (kind) => {
  let url: string
  /** The same application with a short idle timeout. */
  let shortUrl: string
  const stores: Store[] = []
  let collector: TestCollector
  const cleanups: (() => unknown)[] = []
  beforeAll(async () => {
    const redis = kind === 'Redis' ? await startRedisStores() : undefined
    if (redis) cleanups.push(() => redis.end())
    const [port, shortPort] = [await findFreePort(), await findFreePort()]
    url = `http://127.0.0.1:${port}`
    shortUrl = `http://127.0.0.1:${shortPort}`
    const started = await startSignedCollector({ name: 'SQLite' }, 'shop', [url, shortUrl])
    collector = started.collector
    cleanups.push(() => collector.end())
    const token = (await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'shop')).trim()
    const shared = {
      collector: collector.url,
      token,
      ticketSecret: started.ticketSecret,
      sessionSecret: randomBytes(32).toString('base64url'),
    }
    const apps = [
      { appPort: port, idleTimeoutSeconds: longSeconds },
      { appPort: shortPort, idleTimeoutSeconds: shortSeconds },
    ]
    for (const { appPort, idleTimeoutSeconds } of apps) {
      // One store each: express-session applies the idle timeout of the store's last application to all its sessions.
      const store = redis?.store(`${appPort}:`) ?? new MemoryStore()
      stores.push(store)
      cleanups.push(await serveApp(createApp({ ...shared, store, idleTimeoutSeconds }), appPort))
    }
  })
  afterAll(async () => {
    for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
  })

  let context: BrowserContext
  let page: Page
  const others: BrowserContext[] = []
  beforeEach(async () => {
    context = await browser.newContext()
    page = await context.newPage()
  })
  afterEach(async () => {
    for (const each of [context, ...others.splice(0)]) await each.close()
    for (const store of stores) await new Promise((resolve) => store.clear?.(resolve))
    await collector.database.sql('session_audit').delete()
  })

  async function openElsewhere(): Promise<Page> {
    const other = await browser.newContext()
    others.push(other)
    return other.newPage()
  }

  async function signIn(user: string, tab = page, at = url): Promise<void> {
    await tab.goto(`${at}/login`)
    await tab.click(`button[value=${user}]`)
    await tab.waitForURL(`${at}/`)
    await tab.waitForLoadState('networkidle')
  }

  const readAlias = (tab: Page) => tab.locator('script').getAttribute('data-session')

  /** The browser returns to the login page after its session has ended on the server, and reports the end as well. */
  async function reopenPage(): Promise<void> {
    const reported = page.waitForResponse(`${collector.url}/v1/lapses`)
    await page.goto(url)
    await page.waitForURL(`${url}/login`)
    expect((await reported).status()).toBe(200)
  }

  test('leaves one revoked row when an administrator ends a session, and no second row when the browser returns', async () => {
    await signIn(subject)
    const alias = await readAlias(page)
    const other = await openElsewhere()
    await signIn(administrator, other)
    await other.goto(`${url}/admin`)
    await other.click(`button[value="${alias}"]`)
    const row = await expectOneRow(collector.database)
    const revoked = { site: 'shop', subject, session: alias, reason: 'revoked', evidence: 'server' }
    expect(row).toMatchObject({ ...revoked, detected_by: 'server', expired_at: null })
    await reopenPage()
    expect(await expectOneRow(collector.database)).toEqual(row)
    expect(await page.locator('[data-lapse-message]').isVisible()).toBe(false)
  })

  test('leaves one displaced row when a new login replaces a session, and no second row when the browser returns', async () => {
    await signIn(subject)
    const alias = await readAlias(page)
    const other = await openElsewhere()
    await signIn(subject, other)
    const row = await expectOneRow(collector.database)
    const displaced = { site: 'shop', subject, session: alias, reason: 'displaced', evidence: 'server' }
    expect(row).toMatchObject({ ...displaced, detected_by: 'server', expired_at: null })
    await reopenPage()
    expect(await expectOneRow(collector.database)).toEqual(row)
    await other.goto(url)
    expect(other.url()).toBe(`${url}/`)
  })

  test('leaves one idle_timeout row for an idle session, and the login page says why', async () => {
    await signIn(subject, page, shortUrl)
    const alias = await readAlias(page)
    await sleep(shortSeconds * 1000 + 1200)
    await page.goto(shortUrl)
    await page.getByText(`You were signed out after ${shortSeconds} seconds without activity.`).waitFor()
    expect(await expectOneRow(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
    })
  })

  test('leaves no row when a user signs out', async () => {
    await signIn(subject)
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/login`)
    await page.waitForLoadState('networkidle')
    await expectNoRow(collector.database)
  })

  test('ends a session while the collector is down, and its row is written when the collector is back', async () => {
    await signIn(subject)
    const alias = await readAlias(page)
    await collector.stop()
    const other = await openElsewhere()
    await signIn(administrator, other)
    await other.goto(`${url}/admin`)
    await other.click(`button[value="${alias}"]`)
    await other.locator(`button[value="${alias}"]`).waitFor({ state: 'detached' })
    await page.goto(url)
    await page.waitForURL(`${url}/login`)
    await page.close()
    await collector.start()
    expect(await expectOneRow(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'revoked',
    })
  })
})
