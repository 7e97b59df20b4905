import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { expectNoRow as expectNoRowIn, expectOneRow } from '../../../test/auditRows.ts'
import { browserOptions } from '../../../test/browser.ts'
import { timeOf } from '../../../test/databases.ts'
import { type Product, startProduct } from '../../../test/product.ts'

const idleTimeoutSeconds = 3
const subject = 'u_1001'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(browserOptions())
})
afterAll(() => browser.close())

describe.each(inject('databaseServers'))('the demo application in Chromium, on $name', (server) => {
  let product: Product
  let context: BrowserContext
  let page: Page
  beforeEach(async () => {
    product = await startProduct(server, idleTimeoutSeconds)
    context = await browser.newContext()
    page = await context.newPage()
  })
  afterEach(async () => {
    await context.close()
    await product.end()
  })

  const open = (path: string, tab = page) => tab.goto(`${product.appUrl}${path}`)
  const pathOf = (tab: Page) => new URL(tab.url()).pathname
  const idleOut = () => sleep(idleTimeoutSeconds * 1000 + 1200)

  async function signIn(): Promise<{ alias: string; lastAccessAt: number }> {
    await open('/login')
    await page.click(`button[value=${subject}]`)
    await page.waitForURL(`${product.appUrl}/`)
    await marker()
    const session = product.sessions.find(subject)
    if (!session) throw new Error('The application has no session of the user who signed in.')
    return session
  }

  async function marker(): Promise<URLSearchParams> {
    await expect.poll(async () => (await cookie('lapse-demo')) ?? '').not.toBe('')
    return new URLSearchParams(await cookie('lapse-demo'))
  }

  async function cookie(name: string): Promise<string | undefined> {
    const cookies = await context.cookies(product.appUrl)
    const found = cookies.find((candidate) => candidate.name === name)
    return found && decodeURIComponent(found.value)
  }

  const onlyRow = () => expectOneRow(product.collector.database)

  async function expectNoRow(): Promise<void> {
    await page.waitForLoadState('networkidle')
    await expectNoRowIn(product.collector.database)
  }

  test('a new visitor opens the login page: no row', async () => {
    await open('/login')
    await expectNoRow()
  })

  test('a session idles out: one row says whose, when they were last there, when it expired and why', async () => {
    await signIn()
    await open('/reports')
    await page.waitForLoadState('networkidle')
    const { alias, lastAccessAt } = product.sessions.find(subject) ?? { alias: '', lastAccessAt: 0 }
    await idleOut()
    await open('/')
    expect(pathOf(page)).toBe('/login')
    const row = await onlyRow()
    expect(row).toMatchObject({
      site: 'demo',
      session_key: alias,
      session: alias,
      subject,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
      idle_timeout_seconds: idleTimeoutSeconds,
      origin: product.appUrl,
    })
    expect(Math.abs(timeOf(row.last_access_at) - lastAccessAt)).toBeLessThan(1000)
    expect(Math.abs(timeOf(row.expired_at) - (lastAccessAt + idleTimeoutSeconds * 1000))).toBeLessThan(1000)
    expect(await page.locator('[data-lapse-message]').textContent()).toBe(
      'You were signed out after 3 seconds without activity.',
    )
    expect(await cookie('lapse-demo')).toBeUndefined()
  })

  test('a logout, and then the login page: no row', async () => {
    await signIn()
    await page.click('form[data-lapse-logout] button')
    await page.waitForURL(`${product.appUrl}/login`)
    await idleOut()
    await page.reload()
    await expectNoRow()
  })

  test('the login page reloaded ten times after a timeout: one row', async () => {
    await signIn()
    await idleOut()
    for (let visit = 0; visit < 10; visit++) await open('/login')
    expect(await onlyRow()).toMatchObject({ reason: 'idle_timeout', subject })
  })

  test('the login page opened in five tabs at once after a timeout: one row', async () => {
    await signIn()
    await idleOut()
    const tabs = await Promise.all(Array.from({ length: 5 }, () => context.newPage()))
    await Promise.all(tabs.map((tab) => open('/login', tab)))
    expect(await onlyRow()).toMatchObject({ reason: 'idle_timeout', subject })
  })

  test('the server drops the session before its time: one ended_early row', async () => {
    await product.end()
    // Far from the idle timeout, however slow the machine.
    product = await startProduct(server, 60)
    const { alias } = await signIn()
    expect(product.sessions.drop(alias)).toBe(true)
    await open('/')
    expect(pathOf(page)).toBe('/login')
    expect(await onlyRow()).toMatchObject({
      reason: 'ended_early',
      subject,
      session: alias,
      expired_at: null,
    })
  })

  test('a lapse found while the collector is down is recorded when it comes back, whoever is signed in', async () => {
    const { alias: oldAlias } = await signIn()
    const oldMarker = await marker()
    await product.collector.stop()
    await idleOut()
    await open('/login')
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(1)

    const { alias: newAlias } = await signIn()
    const newMarker = await marker()
    expect(newMarker.get('id')).not.toBe(oldMarker.get('id'))
    expect(await product.collector.database.rows()).toEqual([])

    await product.collector.start()
    expect(await onlyRow()).toMatchObject({ reason: 'idle_timeout', subject, session: oldAlias })
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(0)
    const kept = await marker()
    expect([kept.get('id'), kept.get('sid')]).toEqual([newMarker.get('id'), newAlias])
  })
})
