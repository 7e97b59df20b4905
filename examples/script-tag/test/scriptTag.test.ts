import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectNoRow, expectOneRow } from '../../../test/auditRows.ts'
import { createBrowserOptions } from '../../../test/browser.ts'
import type { TestCollector } from '../../../test/collector.ts'
import { serveApp, startSignedCollector } from '../../../test/exampleApp.ts'
import { findFreePort } from '../../../test/servers.ts'
import { createApp } from '../app.ts'

const idleTimeoutSeconds = 6
const subject = 'u_1001'

let url: string
let collector: TestCollector
let closeApp: () => Promise<void>
let browser: Browser
beforeAll(async () => {
  const port = await findFreePort()
  url = `http://127.0.0.1:${port}`
  const started = await startSignedCollector({ name: 'SQLite' }, 'acme', [url])
  collector = started.collector
  const { ticketSecret } = started
  const app = createApp({ collector: collector.url, idleTimeoutSeconds, ticketSecret })
  closeApp = await serveApp(app.callback(), port)
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(async () => {
  await browser.close()
  await closeApp()
  await collector.end()
})

describe('An application with the script tag', { timeout: 90_000 }, () => {
  let context: BrowserContext
  let page: Page
  let errors: string[]
  beforeEach(async () => {
    context = await browser.newContext()
    page = await context.newPage()
    errors = []
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error') errors.push(line.text())
    })
  })
  afterEach(async () => {
    await context.close()
    await collector.database.sql('session_audit').delete()
    expect(errors).toEqual([])
  })

  /** @returns the alias of the new session. */
  async function signIn(): Promise<string | null> {
    await page.goto(`${url}/login`)
    await page.click(`button[value=${subject}]`)
    await page.waitForURL(`${url}/`)
    await page.waitForLoadState('networkidle')
    return page.locator('script').getAttribute('data-session')
  }

  test('leaves one row for an idle session, and the login page says why the user was signed out', async () => {
    const alias = await signIn()
    await sleep(idleTimeoutSeconds * 1000 + 1200)
    await page.goto(url)
    await page.waitForURL(`${url}/login`)
    await page
      .getByText(`You were signed out after ${idleTimeoutSeconds} seconds without activity.`)
      .waitFor()
    expect(await expectOneRow(collector.database)).toMatchObject({
      site: 'acme',
      subject,
      session: alias,
      reason: 'idle_timeout',
      evidence: 'signed',
      detected_by: 'login_page',
      idle_timeout_seconds: idleTimeoutSeconds,
    })
  })

  test('leaves no row when a user signs out', async () => {
    await signIn()
    await page.click('text=Sign out')
    await page.waitForURL(`${url}/login`)
    await page.reload()
    await page.waitForLoadState('networkidle')
    await expectNoRow(collector.database)
  })

  test('leaves no row when a new visitor opens the login page', async () => {
    await page.goto(`${url}/login`)
    await page.waitForLoadState('networkidle')
    await expectNoRow(collector.database)
  })
})
