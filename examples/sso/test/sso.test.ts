import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { browserOptions } from '../../../test/browser.ts'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { expectNoRowOf, onlyRowOf } from '../../../test/oneRow.ts'
import { freePort } from '../../../test/servers.ts'
import { createApp } from '../app.ts'
import { createProvider } from '../provider.ts'

const idleTimeoutSeconds = 6
const subject = 'u_1001'

let url: string
let issuer: string
let collector: TestCollector
let browser: Browser
const servers: Server[] = []
beforeAll(async () => {
  const [port, providerPort] = [await freePort(), await freePort()]
  url = `http://127.0.0.1:${port}`
  issuer = `http://localhost:${providerPort}`
  const ticketSecret = randomBytes(32).toString('base64url')
  const clientSecret = randomBytes(32).toString('base64url')
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  collector = await startCollector(
    { name: 'SQLite' },
    { sites: { desk: { origins: [url], idleTimeoutSeconds: 3600, ticketKeys, requireTicket: true } } },
    { LAPSE_TICKET_SECRET: ticketSecret },
  )
  const app = createApp({
    appUrl: url,
    issuer,
    clientSecret,
    collector: collector.url,
    idleTimeoutSeconds,
    ticketSecret,
  })
  const provider = await createProvider({ issuer, appUrl: url, clientSecret })
  servers.push(createServer(app.callback()).listen(port, '127.0.0.1'))
  servers.push(createServer(provider.callback()).listen(providerPort, '127.0.0.1'))
  await Promise.all(servers.map((server) => server.listening || once(server, 'listening')))
  browser = await chromium.launch(browserOptions())
})
afterAll(async () => {
  await browser.close()
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  await collector.end()
})

describe('an application whose users sign in on another origin', { timeout: 90_000 }, () => {
  let context: BrowserContext
  let page: Page
  beforeEach(async () => {
    context = await browser.newContext()
    page = await context.newPage()
  })
  afterEach(async () => {
    await context.close()
    await collector.database.sql('session_audit').delete()
  })

  const idleOut = () => sleep(idleTimeoutSeconds * 1000 + 1200)
  const aliasOf = () => page.locator('script').getAttribute('data-session')

  /** @returns the alias of the new session. */
  async function signIn(user = subject): Promise<string | null> {
    await page.goto(url)
    expect(new URL(page.url()).origin).toBe(issuer)
    await page.click(`button[value=${user}]`)
    await page.waitForURL(`${url}/`)
    await page.waitForLoadState('networkidle')
    return aliasOf()
  }

  test('the provider signs the user in again unseen after a timeout: one row about the session before', async () => {
    const alias = await signIn()
    await idleOut()
    await page.goto(url)
    expect(page.url()).toBe(`${url}/`)
    expect(await aliasOf()).not.toBe(alias)
    expect(await onlyRowOf(collector.database)).toMatchObject({
      site: 'desk',
      subject,
      session: alias,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'new_session',
    })
  })

  test('someone else signs in after a timeout: one row about the first user, found when the second comes in', async () => {
    const alias = await signIn()
    await idleOut()
    await context.clearCookies({ domain: 'localhost' })
    await page.goto(url)
    expect(new URL(page.url()).origin).toBe(issuer)
    await expectNoRowOf(collector.database)
    await page.click('button[value=u_1002]')
    await page.waitForURL(`${url}/`)
    expect(await onlyRowOf(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'idle_timeout',
      detected_by: 'new_session',
    })
  })

  test('signing out, and in again: no row', async () => {
    const alias = await signIn()
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/goodbye`)
    await page.click('text=Sign in again')
    await page.waitForURL(`${url}/`)
    await page.waitForLoadState('networkidle')
    expect(await aliasOf()).not.toBe(alias)
    await expectNoRowOf(collector.database)
  })
})
