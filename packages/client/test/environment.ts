import { randomUUID } from 'node:crypto'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { createBrowserOptions } from '../../../test/browser.ts'
import type { Lapse, LapseClientError, LapseGlobal, LapseOptions } from '../src/index.ts'
import { type FakeCollector, type Site, startFakeCollector, startSite } from './servers.ts'

declare global {
  interface Window {
    Lapse: LapseGlobal
    lapse: Lapse
    errors: ReportedError[]
    verdicts: unknown[]
    recordError: (error: LapseClientError) => void
  }
}

/** What `onError` has received, as plain data. */
interface ReportedError {
  readonly name: string
  readonly code: string
  readonly cause: unknown
}

/** What each test starts with: a fresh profile of Chromium, a site and a collector. */
export interface Environment {
  readonly context: BrowserContext
  readonly page: Page
  readonly site: Site
  readonly collector: FakeCollector
  /** Makes the site serve a page with the script tag. */
  serve(path: string, attributes: string, body?: string, headers?: Record<string, string>): void
  /** Opens a page of the site. */
  goto(path: string): Promise<unknown>
  /** Opens a page that calls `createLapse`, with the result in `window.lapse`. */
  openClient(page?: Page, options?: Partial<LapseOptions>): Promise<Page>
  /** Returns the value of the marker cookie, or `undefined`. */
  readCookie(): Promise<string | undefined>
  /** Returns the fields of the marker. */
  readMarker(): Promise<Record<string, string>>
  /** Sets the marker of a session that was last used `idleMs` ago, and returns the marker's id. */
  plantMarker(fields?: Record<string, string>, idleMs?: number): Promise<string>
  /** Returns the keys of the reports in the outbox. */
  readOutbox(): Promise<string[]>
  /** Returns the errors that `onError` has received on the open page. */
  readErrors(): Promise<ReportedError[]>
}

const hourMs = 3_600_000

const recorders = `<script>
  errors = []
  verdicts = []
  const describe = (cause) => {
    if (cause instanceof Error) return String(cause)
    if (cause?.response) return { status: cause.response.status, body: cause.body }
    if (cause?.error) return { error: String(cause.error) }
    return cause
  }
  recordError = ({ name, code, cause }) => errors.push({ name, code, cause: describe(cause) })
  document.addEventListener('lapse', (event) => verdicts.push(event.detail))
</script>`

/** Prepares the environment for each test of a file. */
export function useEnvironment(): Environment {
  let browser: Browser
  const environment = {} as { -readonly [Key in keyof Environment]: Environment[Key] }

  beforeAll(async () => {
    browser = await chromium.launch({
      ...createBrowserOptions(),
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    })
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    environment.site = await startSite()
    environment.collector = await startFakeCollector()
    environment.context = await browser.newContext()
    environment.page = await environment.context.newPage()
    environment.serve('/', '', '<h1>No script</h1>')
  })
  afterEach(async () => {
    await environment.context.close()
    await environment.site.stop()
    await environment.collector.stop().catch(() => {})
  })

  environment.serve = (path, attributes, body = '', headers = {}) => {
    const tag = attributes
      ? `<script src="/lapse.js" defer data-site="acme" data-collector="${environment.collector.url}" data-on-error="recordError" ${attributes}></script>`
      : ''
    const html = `<!doctype html><html lang="en"><title>${path}</title>${recorders}${tag}<body>${body}</body></html>`
    environment.site.pages.set(path, { html, headers })
  }
  environment.goto = (path) => environment.page.goto(environment.site.url + path)
  environment.openClient = async (page = environment.page, options = {}) => {
    environment.site.pages.set('/client', { html: `${recorders}<script src="/lapse.js"></script>` })
    await page.goto(`${environment.site.url}/client`)
    await page.evaluate(
      ({ collector, ...options }) => {
        window.lapse = window.Lapse.createLapse({
          site: 'acme',
          collector,
          onError: window.recordError,
          ...options,
        })
      },
      { collector: environment.collector.url, ...options },
    )
    return page
  }
  environment.readCookie = async () => {
    const cookies = await environment.context.cookies(environment.site.url)
    return cookies.find(({ name }) => name === 'lapse-acme')?.value
  }
  environment.readMarker = async () => Object.fromEntries(new URLSearchParams(await environment.readCookie()))
  environment.plantMarker = async (fields = {}, idleMs = hourMs) => {
    const id = randomUUID()
    const at = `${Date.now() - idleMs}`
    const value = `${new URLSearchParams({ v: '1', id, since: at, at, ...fields })}`
    await environment.context.addCookies([
      { name: 'lapse-acme', value, url: environment.site.url },
      { name: 'lapse-acme-open', value: '1', url: environment.site.url },
    ])
    return id
  }
  environment.readOutbox = () =>
    environment.page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('lapse:acme:')))
  environment.readErrors = () => environment.page.evaluate(() => window.errors)
  return environment
}
