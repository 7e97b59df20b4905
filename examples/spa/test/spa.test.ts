import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { browserOptions } from '../../../test/browser.ts'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { expectNoRowOf, onlyRowOf } from '../../../test/oneRow.ts'
import { freePort } from '../../../test/servers.ts'
import { createApp } from '../api/app.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const idleTimeoutSeconds = 6
const subject = 'u_1001'
const message = `You were signed out after ${idleTimeoutSeconds} seconds without activity.`

let url: string
let pages: string
let collector: TestCollector
let server: Server
let browser: Browser
beforeAll(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const ticketSecret = randomBytes(32).toString('base64url')
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  collector = await startCollector(
    { name: 'SQLite' },
    { sites: { spa: { origins: [url], idleTimeoutSeconds: 3600, ticketKeys, requireTicket: true } } },
    { LAPSE_TICKET_SECRET: ticketSecret },
  )
  pages = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  await promisify(execFile)('vite', ['build', '--outDir', pages, '--emptyOutDir'], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', VITE_LAPSE_COLLECTOR: collector.url },
  })
  const app = createApp({ collector: collector.url, idleTimeoutSeconds, ticketSecret, pages })
  server = createServer(app.callback()).listen(port, '127.0.0.1')
  await once(server, 'listening')
  browser = await chromium.launch(browserOptions())
})
afterAll(async () => {
  await browser.close()
  server.close()
  server.closeAllConnections()
  await collector.end()
  rmSync(pages, { recursive: true })
})

let context: BrowserContext
let page: Page
/** The documents that the browser has asked for: a page load is one more. */
let loads: number
let errors: Error[]
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  loads = 0
  errors = []
  page.on('request', (request) => {
    if (request.isNavigationRequest()) loads++
  })
  page.on('pageerror', (error) => errors.push(error))
  page.on('console', (line) => {
    if (/content security policy/i.test(line.text())) errors.push(new Error(line.text()))
  })
})
afterEach(async () => {
  await context.close()
  await collector.database.sql('session_audit').delete()
  expect(errors).toEqual([])
})

const idleOut = () => sleep(idleTimeoutSeconds * 1000 + 1200)

async function signIn(): Promise<void> {
  await page.goto(url)
  await page.waitForURL(`${url}/login`)
  await page.click(`button[value=${subject}]`)
  await page.getByRole('heading', { name: 'Report' }).waitFor()
}

async function expectIdleRow(): Promise<void> {
  await page.getByText(message).waitFor()
  expect(await onlyRowOf(collector.database)).toMatchObject({
    site: 'spa',
    subject,
    session: expect.stringMatching(/^[\da-f-]{36}$/),
    reason: 'idle_timeout',
    evidence: 'signed',
    detected_by: 'login_page',
    idle_timeout_seconds: idleTimeoutSeconds,
  })
}

test('a session idles out and the page is opened again: the login page says why, one row', async () => {
  await signIn()
  await idleOut()
  await page.reload()
  await page.waitForURL(`${url}/login`)
  await expectIdleRow()
})

test('a session idles out under an open page: a 401 leads to the login page without a page load, one row', async () => {
  await signIn()
  const before = loads
  await idleOut()
  await page.click('text=Refresh')
  await page.waitForURL(`${url}/login`)
  await expectIdleRow()
  expect(loads).toBe(before)
})

test('who signs in again after a timeout has a session of their own: one row, and none for the new one', async () => {
  await signIn()
  await idleOut()
  await page.click('text=Refresh')
  await expectIdleRow()
  await page.click(`button[value=${subject}]`)
  await page.getByRole('heading', { name: 'Report' }).waitFor()
  await page.click('text=Refresh')
  await onlyRowOf(collector.database)
  expect(await page.locator('code').textContent()).toBe(subject)
})

test('polling keeps the session alive: no row', async () => {
  await signIn()
  await page.click('text=Inbox')
  await page.getByRole('heading', { name: 'Inbox' }).waitFor()
  await idleOut()
  await page.click('text=Report')
  await page.getByRole('heading', { name: 'Report' }).waitFor()
  await expectNoRowOf(collector.database)
})

test('signing out, with another tab that polls: no row', async () => {
  await signIn()
  const other = await context.newPage()
  await other.goto(`${url}/inbox`)
  await other.getByRole('heading', { name: 'Inbox' }).waitFor()
  await page.click('text=Sign out')
  await page.waitForURL(`${url}/login`)
  await other.waitForURL(`${url}/login`)
  await idleOut()
  await page.reload()
  await expectNoRowOf(collector.database)
  expect(await page.getByText('You were signed out').count()).toBe(0)
})

test('the login page opened with a session leads to the application, and is no lapse', async () => {
  await signIn()
  await page.goto(`${url}/login`)
  await page.getByRole('heading', { name: 'Report' }).waitFor()
  await expectNoRowOf(collector.database)
})
