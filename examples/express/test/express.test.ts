import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryStore, type Store } from 'express-session'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { browserOptions } from '../../../test/browser.ts'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { expectNoRowOf, onlyRowOf } from '../../../test/oneRow.ts'
import { freePort } from '../../../test/servers.ts'
import { createApp } from '../app.ts'
import { startRedis } from './redis.ts'

const longSeconds = 600
const shortSeconds = 6
const subject = 'u_1001'
const administrator = 'u_9001'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(browserOptions())
})
afterAll(() => browser.close())

describe.each(['memory', 'Redis'])('sessions in %s', { timeout: 90_000 }, (kind) => {
  let url: string
  /** The same application, but its sessions are short. */
  let shortUrl: string
  const stores: Store[] = []
  let collector: TestCollector
  const ends: (() => unknown)[] = []
  beforeAll(async () => {
    const redis = kind === 'Redis' ? await startRedis() : undefined
    if (redis) ends.push(() => redis.end())
    const [port, shortPort] = [await freePort(), await freePort()]
    url = `http://127.0.0.1:${port}`
    shortUrl = `http://127.0.0.1:${shortPort}`
    const ticketSecret = randomBytes(32).toString('base64url')
    const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
    collector = await startCollector(
      { name: 'SQLite' },
      {
        sites: {
          shop: { origins: [url, shortUrl], idleTimeoutSeconds: 3600, ticketKeys, requireTicket: true },
        },
      },
      { LAPSE_TICKET_SECRET: ticketSecret },
    )
    ends.push(() => collector.end())
    const token = (await collector.lapse('token', 'create', '--scope', 'write', '--site', 'shop')).trim()
    const lapse = { site: 'shop', collector: collector.url, token, ticketSecret }
    const sessionSecret = randomBytes(32).toString('base64url')
    const apps = [
      [port, longSeconds],
      [shortPort, shortSeconds],
    ] as const
    for (const [appPort, idleTimeoutSeconds] of apps) {
      // One each: express-session lets a store's last application choose how long all its sessions are.
      const store = redis?.store(`${appPort}:`) ?? new MemoryStore()
      stores.push(store)
      const app = createApp({ lapse, store, sessionSecret, idleTimeoutSeconds })
      const server = createServer(app).listen(appPort, '127.0.0.1')
      await once(server, 'listening')
      ends.push(() => {
        server.close()
        server.closeAllConnections()
      })
    }
  })
  afterAll(async () => {
    for (const end of ends.splice(0).reverse()) await end()
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

  const aliasOf = (tab: Page) => tab.locator('script').getAttribute('data-session')

  /** The browser whose session is gone comes back to the login page, and reports it as far as it can tell. */
  async function comeBack(): Promise<void> {
    const reported = page.waitForResponse(`${collector.url}/v1/lapses`)
    await page.goto(url)
    await page.waitForURL(`${url}/login`)
    expect((await reported).status()).toBe(200)
  }

  test('an administrator ends a session: one revoked row, and none more when its browser comes back', async () => {
    await signIn(subject)
    const alias = await aliasOf(page)
    const other = await openElsewhere()
    await signIn(administrator, other)
    await other.goto(`${url}/admin`)
    await other.click(`button[value="${alias}"]`)
    const row = await onlyRowOf(collector.database)
    const revoked = { site: 'shop', subject, session: alias, reason: 'revoked', evidence: 'server' }
    expect(row).toMatchObject({ ...revoked, detected_by: 'server', expired_at: null })
    await comeBack()
    expect(await onlyRowOf(collector.database)).toEqual(row)
    expect(await page.locator('[data-lapse-message]').isVisible()).toBe(false)
  })

  test('a newer login takes the place of a session: one displaced row, and none more when its browser comes back', async () => {
    await signIn(subject)
    const alias = await aliasOf(page)
    const other = await openElsewhere()
    await signIn(subject, other)
    const row = await onlyRowOf(collector.database)
    const displaced = { site: 'shop', subject, session: alias, reason: 'displaced', evidence: 'server' }
    expect(row).toMatchObject({ ...displaced, detected_by: 'server', expired_at: null })
    await comeBack()
    expect(await onlyRowOf(collector.database)).toEqual(row)
    await other.goto(url)
    expect(other.url()).toBe(`${url}/`)
  })

  test('a session idles out: one idle_timeout row, and the login page says so', async () => {
    await signIn(subject, page, shortUrl)
    const alias = await aliasOf(page)
    await sleep(shortSeconds * 1000 + 1200)
    await page.goto(shortUrl)
    await page.getByText(`You were signed out after ${shortSeconds} seconds without activity.`).waitFor()
    expect(await onlyRowOf(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
    })
  })

  test('signing out: no row', async () => {
    await signIn(subject)
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/login`)
    await page.waitForLoadState('networkidle')
    await expectNoRowOf(collector.database)
  })

  test('the collector is down: a session is ended all the same, and is on record when the collector is back', async () => {
    await signIn(subject)
    const alias = await aliasOf(page)
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
    expect(await onlyRowOf(collector.database)).toMatchObject({ subject, session: alias, reason: 'revoked' })
  })
})
