import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLapseServer, type LapseServer } from '@lapse/server'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNoRow, expectOneRow } from '../../../test/auditRows.ts'
import { createBrowserOptions } from '../../../test/browser.ts'
import type { TestCollector } from '../../../test/collector.ts'
import { serveApp, startSignedCollector } from '../../../test/exampleApp.ts'
import { findFreePort } from '../../../test/servers.ts'
import { createApp } from '../app.ts'
import { createProvider } from '../provider.ts'

const idleTimeoutSeconds = 6
const subject = 'u_1001'

let url: string
let issuer: string
let collector: TestCollector
let lapse: LapseServer
let browser: Browser
const closeServers: (() => Promise<void>)[] = []
beforeAll(async () => {
  const [port, providerPort] = [await findFreePort(), await findFreePort()]
  url = `http://127.0.0.1:${port}`
  issuer = `http://localhost:${providerPort}`
  const started = await startSignedCollector({ name: 'SQLite' }, 'desk', [url])
  collector = started.collector
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'desk')
  const { ticketSecret } = started
  const reporting = { collector: collector.url, token, ticketSecret, idleTimeoutSeconds }
  lapse = createLapseServer({ site: 'desk', ...reporting })
  const clientSecret = randomBytes(32).toString('base64url')
  const app = createApp({
    appUrl: url,
    issuer,
    clientSecret,
    collector: collector.url,
    idleTimeoutSeconds,
    lapse,
  })
  const provider = await createProvider({ issuer, appUrl: url, clientSecret })
  closeServers.push(await serveApp(app.callback(), port), await serveApp(provider.callback(), providerPort))
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(async () => {
  await browser.close()
  for (const close of closeServers) await close()
  await lapse.close()
  await collector.end()
})

describe('An application whose users sign in on another origin', { timeout: 90_000 }, () => {
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

  const waitUntilExpired = () => sleep(idleTimeoutSeconds * 1000 + 1200)
  const readAlias = () => page.locator('script').getAttribute('data-session')

  /** @returns the alias of the new session. */
  async function signIn(user = subject): Promise<string | null> {
    await page.goto(url)
    expect(new URL(page.url()).origin).toBe(issuer)
    await page.click(`button[value=${user}]`)
    await page.waitForURL(`${url}/`)
    await page.waitForLoadState('networkidle')
    return readAlias()
  }

  test('leaves one row for an expired session when the provider silently signs the user in again', async () => {
    const alias = await signIn()
    await waitUntilExpired()
    await page.goto(url)
    expect(page.url()).toBe(`${url}/`)
    expect(await readAlias()).not.toBe(alias)
    expect(await expectOneRow(collector.database)).toMatchObject({
      site: 'desk',
      subject,
      session: alias,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'new_session',
    })
  })

  test('leaves one row for an expired session when another user signs in next', async () => {
    const alias = await signIn()
    await waitUntilExpired()
    await context.clearCookies({ domain: 'localhost' })
    await page.goto(url)
    expect(new URL(page.url()).origin).toBe(issuer)
    await expectNoRow(collector.database)
    await page.click('button[value=u_1002]')
    await page.waitForURL(`${url}/`)
    expect(await expectOneRow(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'idle_timeout',
      detected_by: 'new_session',
    })
  })

  test('leaves one logout row when a user signs out and in again', async () => {
    const alias = await signIn()
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/goodbye`)
    await page.click('text=Sign in again')
    await page.waitForURL(`${url}/`)
    await page.waitForLoadState('networkidle')
    expect(await readAlias()).not.toBe(alias)
    expect(await expectOneRow(collector.database)).toMatchObject({
      subject,
      session: alias,
      reason: 'logout',
      evidence: 'server',
    })
  })
})
