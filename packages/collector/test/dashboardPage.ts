import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, test as base, beforeAll, expect, inject } from 'vitest'
import { browserOptions } from '../../../test/browser.ts'
import type { DatabaseServer } from '../../../test/servers.ts'
import type { Token } from '../src/lapse/token.ts'
import { createCollector, issueToken, origin, type TestCollector } from './collector.ts'
import { insertRows } from './rows.ts'

export const minute = 60_000
/** Yesterday, UTC. */
export const noon = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 12 * 60 * minute
export const site = { origins: [origin], idleTimeoutSeconds: 1800 }

/** A browser for the tests of a file. A test fails when a page of it breaks its own policy or throws. */
export function useBrowser() {
  let browser: Browser
  let faults: string[] = []
  beforeAll(async () => {
    browser = await chromium.launch(browserOptions())
  })
  afterAll(() => browser.close())
  afterEach(async () => {
    const found = faults
    faults = []
    await Promise.all(browser.contexts().map((context) => context.close()))
    expect(found).toEqual([])
  })

  return async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ timezoneId: 'Europe/Vienna', locale: 'en-GB', ...options })
    const page = await context.newPage()
    page.on('pageerror', (error) => void faults.push(String(error)))
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text())
    })
    await page.goto(url)
    return page
  }
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

export const lines = (page: Page) => page.locator('.rows tbody tr')
export const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent)

/** What axe finds. */
export async function violations(page: Page): Promise<unknown[]> {
  // The page's policy runs no script from elsewhere; the debugger is above that.
  const session = await page.context().newCDPSession(page)
  const evaluate = async (expression: string) =>
    (await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result
  await evaluate(axe.source)
  const { value } = await evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map((node) => node.html).join()))',
  )
  return value
}

export const issue = (collector: TestCollector, changes: Partial<Token> = {}) =>
  issueToken(collector.store, { name: 'auditors', ...changes })

/** A collector with 61 rows, and a token to read them. */
export async function createFilled(server: DatabaseServer) {
  const collector = await createCollector(server, { sites: { acme: site, shop: site } })
  const { token } = await issue(collector)
  const rows = Array.from({ length: 60 }, (_, index) => ({
    session: `alias-${index}`,
    detected_at: noon - index * minute,
    subject: `u_${index % 5}`,
    site: index % 2 ? 'acme' : 'shop',
  }))
  await insertRows(collector.database.sql, [
    ...rows,
    { session: 'alias-out', detected_at: noon + minute, reason: 'logout', expired_at: null },
  ])
  return { collector, token }
}

const [first] = inject('databaseServers')
if (!first) throw new Error('No database is there.')
/** Where the pages do not depend on the database, one is enough. */
export const database = first

/** A test that may ask for the collector and the token that the tests of its file share. */
export const test = base
  .extend('server', { scope: 'file' }, () => database)
  .extend('filled', { scope: 'file' }, async ({ server }, { onCleanup }) => {
    const filled = await createFilled(server)
    onCleanup(() => filled.collector.end())
    return filled
  })
  .extend('collector', { scope: 'file' }, ({ filled }) => filled.collector)
  .extend('token', { scope: 'file' }, ({ filled }) => filled.token)
