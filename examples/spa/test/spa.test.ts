import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLapseServer, type LapseServer } from '@lapse/server'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNoRow, expectOneRow } from '../../../test/auditRows.ts'
import { createBrowserOptions } from '../../../test/browser.ts'
import type { TestCollector } from '../../../test/collector.ts'
import { serveApp, startSignedCollector } from '../../../test/exampleApp.ts'
import { findFreePort } from '../../../test/servers.ts'
import { createApp } from '../api/app.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const idleTimeoutSeconds = 6
const subject = 'u_1001'
const message = `You were signed out after ${idleTimeoutSeconds} seconds without activity.`

let url: string
let pagesFolder: string
let collector: TestCollector
let lapse: LapseServer
let closeApp: () => Promise<void>
let browser: Browser
beforeAll(async () => {
  const port = await findFreePort()
  url = `http://127.0.0.1:${port}`
  const started = await startSignedCollector({ name: 'SQLite' }, 'spa', [url])
  collector = started.collector
  pagesFolder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  await promisify(execFile)('vite', ['build', '--outDir', pagesFolder, '--emptyOutDir'], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', VITE_LAPSE_COLLECTOR: collector.url },
  })
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'spa')
  const { ticketSecret } = started
  const reporting = { collector: collector.url, token, ticketSecret, idleTimeoutSeconds }
  lapse = createLapseServer({ site: 'spa', ...reporting })
  const app = createApp({ collector: collector.url, idleTimeoutSeconds, lapse, pagesFolder })
  closeApp = await serveApp(app.callback(), port)
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(async () => {
  await browser.close()
  await closeApp()
  await lapse.close()
  await collector.end()
  rmSync(pagesFolder, { recursive: true })
})

describe('A single-page application', () => {
  let context: BrowserContext
  let page: Page
  /** Counts page loads: the documents that the browser has requested. */
  let pageLoads: number
  let errors: Error[]
  beforeEach(async () => {
    context = await browser.newContext()
    page = await context.newPage()
    pageLoads = 0
    errors = []
    page.on('request', (request) => {
      if (request.isNavigationRequest()) pageLoads++
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

  const waitUntilExpired = () => sleep(idleTimeoutSeconds * 1000 + 1200)

  async function signIn(): Promise<void> {
    await page.goto(url)
    await page.waitForURL(`${url}/login`)
    await page.click(`button[value=${subject}]`)
    await page.getByRole('heading', { name: 'Report' }).waitFor()
  }

  async function expectIdleRow(): Promise<void> {
    await page.getByText(message).waitFor()
    expect(await expectOneRow(collector.database)).toMatchObject({
      site: 'spa',
      subject,
      session: expect.stringMatching(/^[\da-f-]{36}$/),
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
      idle_timeout_seconds: idleTimeoutSeconds,
    })
  }

  test("leaves one row and says why on the login page when an expired session's page is reloaded", async () => {
    await signIn()
    await waitUntilExpired()
    await page.reload()
    await page.waitForURL(`${url}/login`)
    await expectIdleRow()
  })

  test('leaves one row when a 401 leads an open page to the login page, without a page load', async () => {
    await signIn()
    const before = pageLoads
    await waitUntilExpired()
    await page.click('text=Refresh')
    await page.waitForURL(`${url}/login`)
    await expectIdleRow()
    expect(pageLoads).toBe(before)
  })

  test('leaves one row when the same user signs in again after a timeout, and none for the new session', async () => {
    await signIn()
    await waitUntilExpired()
    await page.click('text=Refresh')
    await expectIdleRow()
    await page.click(`button[value=${subject}]`)
    await page.getByRole('heading', { name: 'Report' }).waitFor()
    await page.click('text=Refresh')
    await expectOneRow(collector.database)
    await expect.poll(() => page.locator('code').textContent()).toBe(subject)
  })

  test('leaves no row while polling keeps the session alive', async () => {
    await signIn()
    await page.click('text=Inbox')
    await page.getByRole('heading', { name: 'Inbox' }).waitFor()
    await waitUntilExpired()
    await page.click('text=Report')
    await page.getByRole('heading', { name: 'Report' }).waitFor()
    await expectNoRow(collector.database)
  })

  test('leaves one logout row when the user signs out while another tab polls', async () => {
    await signIn()
    const other = await context.newPage()
    await other.goto(`${url}/inbox`)
    await other.getByRole('heading', { name: 'Inbox' }).waitFor()
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/login`)
    await other.waitForURL(`${url}/login`)
    await waitUntilExpired()
    await page.reload()
    const logout = { subject, reason: 'logout', evidence: 'server' }
    expect(await expectOneRow(collector.database)).toMatchObject(logout)
    expect(await page.getByText('You were signed out').count()).toBe(0)
  })

  test('leaves no row when the login page is opened with a session', async () => {
    await signIn()
    await page.goto(`${url}/login`)
    await page.getByRole('heading', { name: 'Report' }).waitFor()
    await expectNoRow(collector.database)
  })
})
