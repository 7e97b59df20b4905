import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, test as base, beforeAll, expect, inject } from 'vitest'
import { createBrowserOptions } from '../../../../test/browser.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import type { Token } from '../../src/auth/token.ts'
import { createCollector, type InProcessCollector, issueToken, origin } from './collector.ts'
import { insertRows } from './rows.ts'

export const minuteMs = 60_000
export const dayMs = 24 * 60 * minuteMs
/** Noon of yesterday in UTC, in epoch milliseconds. */
export const noon = Math.floor(Date.now() / dayMs) * dayMs - 12 * 60 * minuteMs
export const site = { origins: [origin], idleTimeoutSeconds: 1800 }

/** What a user sees and does on the dashboard. The `expect` methods wait until the page is as expected. */
export class DashboardPage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel('Token').fill(token)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  async openUrl(url: string): Promise<void> {
    await this.page.goto(url)
  }

  /** The rows of the list of session ends. */
  get rows() {
    return this.page.locator('.session-end-list tbody tr')
  }

  /** The dialog with the details of a session end. */
  get dialog() {
    return this.page.getByRole('dialog')
  }

  /** A focusable element that contains the chart. */
  get chart() {
    return this.page.locator('.chart')
  }

  /** "61 sessions", for example. */
  get sessionCount() {
    return this.page.locator('.ended-sessions-card .headline')
  }

  get emptyListMessage() {
    return this.page.getByText('No ended sessions match')
  }

  get errors() {
    return this.page.getByRole('alert')
  }

  get searchField() {
    return this.page.getByRole('combobox', { name: 'Search' })
  }

  /** The applied terms of the search. */
  get chips() {
    return this.page.getByRole('list', { name: 'Filters' }).getByRole('listitem')
  }

  /** The chosen suggestion of the search field. */
  get activeSuggestion() {
    return this.page.getByRole('option', { selected: true })
  }

  get siteSelect() {
    return this.page.getByRole('combobox', { name: 'Site', exact: true })
  }

  getButton(name: string) {
    return this.page.getByRole('button', { name, exact: true })
  }

  getLink(name: string) {
    return this.page.getByRole('link', { name, exact: true })
  }

  /** Adds terms to the search. */
  async search(text: string): Promise<void> {
    await this.searchField.fill(text)
    await this.searchField.press('Enter')
  }

  /** Opens the menu of all time ranges. */
  async openRangeMenu(): Promise<void> {
    await this.page.locator('.more-ranges').click()
    await this.page.getByRole('dialog', { name: 'Time range' }).waitFor()
  }

  async waitForRows(): Promise<void> {
    await this.rows.first().waitFor()
  }

  async waitForChart(): Promise<void> {
    await this.chart.locator('canvas').waitFor()
  }

  async waitForDialog(title: string): Promise<void> {
    await this.page.getByRole('dialog', { name: title }).waitFor()
  }

  async expectNoDialog(): Promise<void> {
    await this.dialog.waitFor({ state: 'detached' })
  }

  async expectRowCount(count: number): Promise<void> {
    await expect.poll(() => this.rows.count()).toBe(count)
  }

  /** @param query such as `?site=acme`, or an empty string. */
  async expectUrlQuery(query: string): Promise<void> {
    await expect.poll(() => new URL(this.page.url()).search).toBe(query)
  }

  /** @param element the id of the element, or its text if it has none. */
  async expectFocus(element: string | null): Promise<void> {
    const readFocus = () =>
      this.page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent)
    await expect.poll(readFocus).toBe(element)
  }

  async expectNoAccessibilityViolations(): Promise<void> {
    // The page's content security policy blocks injected scripts, but not those of the debugger.
    const session = await this.page.context().newCDPSession(this.page)
    const evaluate = async (expression: string) =>
      (await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result
    await evaluate(axe.source)
    const { value } = await evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map((node) => node.html).join()))',
    )
    expect(value).toEqual([])
  }
}

/**
 * Starts a browser for the tests of a file or suite and returns a function that opens a dashboard in it. A test fails
 * if its page throws an error or violates its content security policy.
 */
export function setUpBrowser() {
  let browser: Browser
  let pageErrors: string[] = []
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
  })
  afterAll(() => browser.close())
  afterEach(async () => {
    const errors = pageErrors
    pageErrors = []
    await Promise.all(browser.contexts().map((context) => context.close()))
    expect(errors).toEqual([])
  })

  return async function openDashboard(
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<DashboardPage> {
    const context = await browser.newContext({ timezoneId: 'Europe/Vienna', locale: 'en-GB', ...options })
    const page = await context.newPage()
    page.on('pageerror', (error) => void pageErrors.push(String(error)))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) pageErrors.push(message.text())
    })
    await page.goto(url)
    return new DashboardPage(page)
  }
}

export const issueDashboardToken = (collector: InProcessCollector, changes: Partial<Token> = {}) =>
  issueToken(collector.store, { name: 'auditors', ...changes })

/** Starts a collector that has 60 idle timeouts and a later logout, with a token to read them. */
export async function createCollectorWithRows(server: DatabaseServer) {
  const collector = await createCollector(server, { sites: { acme: site, shop: site } })
  const { token } = await issueDashboardToken(collector)
  const idleTimeouts = Array.from({ length: 60 }, (_, index) => ({
    session: `alias-${index}`,
    detected_at: noon - index * minuteMs,
    subject: `u_${index % 5}`,
    site: index % 2 ? 'acme' : 'shop',
  }))
  await insertRows(collector.database.sql, [
    ...idleTimeouts,
    { session: 'alias-out', detected_at: noon + minuteMs, reason: 'logout', expired_at: null },
  ])
  return { collector, token }
}

const [firstServer] = inject('databaseServers')
if (!firstServer) throw new Error('No database server is available.')
/** The server for tests whose result does not depend on the database. */
export const database = firstServer

/** A test whose file shares one collector with rows, and a token to read them. */
export const test = base
  .extend('server', { scope: 'file' }, () => database)
  .extend('collectorWithRows', { scope: 'file' }, async ({ server }, { onCleanup }) => {
    const collectorWithRows = await createCollectorWithRows(server)
    onCleanup(() => collectorWithRows.collector.end())
    return collectorWithRows
  })
  .extend('collector', { scope: 'file' }, ({ collectorWithRows }) => collectorWithRows.collector)
  .extend('token', { scope: 'file' }, ({ collectorWithRows }) => collectorWithRows.token)
