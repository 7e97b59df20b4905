import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNoRow as expectNoRowIn, expectOneRow as expectOneRowIn } from '../../test/auditRows.ts'
import { createBrowserOptions } from '../../test/browser.ts'
import { readStoredTime } from '../../test/databases.ts'
import { type RunningApp, startApp } from './startApp.ts'

const idleTimeoutSeconds = 3
const subject = 'u_1001'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(() => browser.close())

describe('The demo application in Chromium', () => {
  let demo: RunningApp
  let context: BrowserContext
  let page: Page
  beforeEach(async () => {
    demo = await startApp({ name: 'SQLite' }, idleTimeoutSeconds)
    context = await browser.newContext()
    page = await context.newPage()
  })
  afterEach(async () => {
    await context.close()
    await demo.end()
  })

  const open = (path: string, tab = page) => tab.goto(`${demo.appUrl}${path}`)
  const readPath = (tab: Page) => new URL(tab.url()).pathname
  const waitUntilExpired = () => sleep(idleTimeoutSeconds * 1000 + 1200)

  async function signIn(): Promise<{ alias: string; lastAccessAt: number }> {
    await open('/login')
    await page.click(`button[value=${subject}]`)
    await page.waitForURL(`${demo.appUrl}/`)
    await readMarker()
    const session = demo.sessions.find(subject)
    if (!session) throw new Error(`${subject} has signed in, but the application has no session.`)
    return session
  }

  async function readMarker(): Promise<URLSearchParams> {
    await expect.poll(async () => (await readCookie('lapse-demo')) ?? '').not.toBe('')
    return new URLSearchParams(await readCookie('lapse-demo'))
  }

  async function readCookie(name: string): Promise<string | undefined> {
    const cookies = await context.cookies(demo.appUrl)
    const found = cookies.find((candidate) => candidate.name === name)
    return found && decodeURIComponent(found.value)
  }

  const expectOneRow = () => expectOneRowIn(demo.collector.database)

  async function expectNoRow(): Promise<void> {
    await page.waitForLoadState('networkidle')
    await expectNoRowIn(demo.collector.database)
  }

  test('leaves no row when a new visitor opens the login page', async () => {
    await open('/login')
    await expectNoRow()
  })

  test('leaves one row for an idle session, with the user, the last access, the expiry and the reason', async () => {
    await signIn()
    await open('/reports')
    await page.waitForLoadState('networkidle')
    const { alias, lastAccessAt } = demo.sessions.find(subject) ?? { alias: '', lastAccessAt: 0 }
    await waitUntilExpired()
    await open('/')
    expect(readPath(page)).toBe('/login')
    const row = await expectOneRow()
    expect(row).toMatchObject({
      site: 'demo',
      session_key: alias,
      session: alias,
      subject,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
      idle_timeout_seconds: idleTimeoutSeconds,
      origin: demo.appUrl,
    })
    expect(Math.abs(readStoredTime(row.last_access_at) - lastAccessAt)).toBeLessThan(1000)
    expect(
      Math.abs(readStoredTime(row.expired_at) - (lastAccessAt + idleTimeoutSeconds * 1000)),
    ).toBeLessThan(1000)
    await page.getByText('You were signed out after 3 seconds without activity.').waitFor()
    await expect.poll(() => readCookie('lapse-demo')).toBeUndefined()
  })

  test('leaves no row when the user signs out and opens the login page again', async () => {
    await signIn()
    await page.click('form[data-lapse-logout] button')
    await page.waitForURL(`${demo.appUrl}/login`)
    await waitUntilExpired()
    await page.reload()
    await expectNoRow()
  })

  test('leaves one row when the login page is opened ten times after a timeout', async () => {
    await signIn()
    await waitUntilExpired()
    for (let visit = 0; visit < 10; visit++) await open('/login')
    expect(await expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject })
  })

  test('leaves one row when the login page is opened in five tabs at once after a timeout', async () => {
    await signIn()
    await waitUntilExpired()
    const tabs = await Promise.all(Array.from({ length: 5 }, () => context.newPage()))
    await Promise.all(tabs.map((tab) => open('/login', tab)))
    expect(await expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject })
  })

  test('leaves one ended_early row when the server drops the session before its timeout', async () => {
    await demo.end()
    // Long enough that the session does not expire on a slow machine.
    demo = await startApp({ name: 'SQLite' }, 60)
    const { alias } = await signIn()
    expect(demo.sessions.drop(alias)).toBe(true)
    await open('/')
    expect(readPath(page)).toBe('/login')
    expect(await expectOneRow()).toMatchObject({
      reason: 'ended_early',
      subject,
      session: alias,
      expired_at: null,
    })
  })

  test('leaves one row for a session that expired while the collector was down, whoever is signed in when it is back', async () => {
    const { alias: oldAlias } = await signIn()
    const oldMarker = await readMarker()
    await demo.collector.stop()
    await waitUntilExpired()
    await open('/login')
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(1)

    const { alias: newAlias } = await signIn()
    const newMarker = await readMarker()
    expect(newMarker.get('id')).not.toBe(oldMarker.get('id'))
    expect(await demo.collector.database.readRows()).toEqual([])

    await demo.collector.start()
    expect(await expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject, session: oldAlias })
    await expect.poll(() => page.evaluate(() => localStorage.length)).toBe(0)
    expect(Object.fromEntries(await readMarker())).toMatchObject({ id: newMarker.get('id'), sid: newAlias })
  })
})
