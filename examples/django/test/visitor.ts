import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { expectNoRow, expectOneRow } from '../../../test/auditRows.ts'
import type { DjangoExample, Variant } from './startDjangoExample.ts'

/** A little longer than the short idle timeout of the variants. */
const expiryMs = 3200

/** A user at a new browser, who visits one variant of the example. */
export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  readonly url: string
  open(path: string): Promise<void>
  /** The path of the current page. */
  readPath(): string
  signIn(): Promise<void>
  signOut(): Promise<void>
  waitUntilExpired(): Promise<void>
  /** The marker cookies of the script and of the middleware. */
  readMarkerCookies(): ReturnType<BrowserContext['cookies']>
  readMarkers(): Promise<readonly string[]>
  /** The session's key, from Django's cookie. */
  readSessionKey(): Promise<string | undefined>
  expectOneRow(): Promise<Record<string, unknown>>
  expectNoRow(): Promise<void>
}

/** Opens a browser. For the middleware, it has no JavaScript. */
export async function createVisitor(
  browser: Browser,
  { urls, user, collector }: DjangoExample,
  variant: Variant,
): Promise<Visitor> {
  const url = urls[variant]
  const context = await browser.newContext({ javaScriptEnabled: variant !== 'middleware' })
  const page = await context.newPage()
  const visitor: Visitor = {
    context,
    page,
    url,
    open: async (path) => void (await page.goto(`${url}${path}`)),
    readPath: () => new URL(page.url()).pathname,
    waitUntilExpired: () => sleep(expiryMs),
    async signIn() {
      await visitor.open('/login/')
      await page.fill('[name=username]', user.name)
      await page.fill('[name=password]', user.password)
      await page.click('button')
      await page.waitForURL(`${url}/`)
      await expect.poll(visitor.readMarkers).toHaveLength(1)
    },
    async signOut() {
      await page.click('[data-lapse-logout] button')
      await page.waitForURL(`${url}/login/`)
    },
    async readMarkerCookies() {
      const cookies = await context.cookies(url)
      return cookies.filter(({ name }) => ['lapse-acme', 'lapse_marker'].includes(name))
    },
    readMarkers: async () => (await visitor.readMarkerCookies()).map(({ value }) => value),
    readSessionKey: async () => (await context.cookies(url)).find(({ name }) => name === 'sessionid')?.value,
    expectOneRow: () => expectOneRow(collector.database),
    async expectNoRow() {
      await page.waitForLoadState('networkidle')
      await expectNoRow(collector.database)
    },
  }
  return visitor
}
