import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowserOptions } from '../../../test/browser.ts'
import { startTestApplication, type TestApplication } from './frameworks/testApplication.ts'
import { openVisitor, type Visitor } from './frameworks/visitor.ts'

const hourMs = 3_600_000

let browser: Browser
let application: TestApplication
beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
  application = await startTestApplication({ app: 'betterAuth' })
})
afterAll(async () => {
  await browser.close()
  await application.end()
})

async function readMarker({ context }: Visitor): Promise<URLSearchParams> {
  const cookie = (await context.cookies()).find(({ name }) => name === 'lapse-acme')
  return new URLSearchParams(decodeURIComponent(cookie?.value ?? ''))
}

/** Makes better-auth ask the server again, as it does when the user returns to the tab. */
async function refetch({ page }: Visitor): Promise<void> {
  const answered = page.waitForResponse('**/get-session')
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await answered
}

test('A session that expires under an open page is recorded once better-auth asks again', async () => {
  const visitor = await openVisitor(browser, application)
  const accessedAt = await visitor.signIn()
  await visitor.waitUntilExpired()
  expect((await readMarker(visitor)).get('sub')).toBe(visitor.user)
  await refetch(visitor)
  const row = await visitor.expectOneRow()
  expect(row).toMatchObject({ reason: 'idle_timeout' })
  expect(Math.abs(row.lastAccessAt - accessedAt)).toBeLessThan(2000)
})

test('The login page shows why the session ended', async () => {
  const visitor = await openVisitor(browser, application)
  await visitor.signIn()
  await visitor.waitUntilExpired()
  await visitor.open('/')
  await visitor.page.waitForSelector('#message:not([hidden])')
})

test.each([
  { what: 'an error of the server', status: 500 },
  { what: 'a rate limit', status: 429 },
])('After $what, the client does not report that the session has ended', async ({ status }) => {
  const visitor = await openVisitor(browser, application)
  await visitor.signIn()
  await visitor.page.route('**/get-session', (route) => route.fulfill({ status, json: { message: 'Sorry' } }))
  const answered = visitor.page.waitForResponse('**/get-session')
  await visitor.open('/')
  await answered
  await sleep(1000)
  expect((await readMarker(visitor)).get('sub')).toBe(visitor.user)
  expect(await visitor.readCurrentRows()).toEqual([])
})

test('A sign-out is reported as a logout, and nothing else', async () => {
  const visitor = await openVisitor(browser, application)
  await visitor.signIn()
  const reports: unknown[] = []
  visitor.page.on('request', (request) => {
    if (request.url().endsWith('/v1/lapses')) reports.push(request.postDataJSON().detectedBy)
  })
  await visitor.signOut()
  await visitor.expectOneRow()
  expect(reports).toEqual(['logout'])
  expect([...(await readMarker(visitor))]).toEqual([])
})

test('In a browser whose clock is an hour ahead, the last access follows the server all the same', async () => {
  const visitor = await openVisitor(browser, application)
  await visitor.context.addInitScript((aheadMs) => {
    const { now } = Date
    Date.now = () => now() + aheadMs
  }, hourMs)
  await visitor.signIn()
  await sleep((application.idleTimeoutSeconds * 1000) / 2)
  const openedAt = await visitor.open('/')
  const readAccess = async () => Number((await readMarker(visitor)).get('at'))
  await expect.poll(readAccess).toBeGreaterThan(openedAt + hourMs - 2000)
  expect(await readAccess()).toBeLessThan(openedAt + hourMs + 2000)
})
