import { randomUUID } from 'node:crypto'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { browserOptions } from '../../../test/browser.ts'
import type { Lapse, LapseOptions } from '../src/index.ts'
import { type Collector, type Site, startCollector, startSite } from './servers.ts'

declare global {
  interface Window {
    Lapse: { createLapse(options: LapseOptions): Lapse }
    lapse: Lapse
    errors: string[]
    verdicts: unknown[]
    note: (error: Error) => void
  }
}

/** What each test finds: a fresh profile of one Chromium, a site, a collector. */
export interface Setting {
  readonly context: BrowserContext
  readonly page: Page
  readonly site: Site
  readonly collector: Collector
  /** Serves a page with the script's tag. */
  serve(path: string, attributes: string, body?: string, headers?: Record<string, string>): void
  /** Opens a page that has made a client by `createLapse`, as `lapse`. */
  open(page?: Page): Promise<Page>
  /** The marker cookie as it is, or nothing. */
  cookie(): Promise<string | undefined>
  /** The marker's fields. */
  marker(): Promise<Record<string, string>>
  /** Puts a marker there, of a session that was last used so long ago. */
  plant(fields?: Record<string, string>, idleMs?: number): Promise<string>
  /** The keys that wait in the outbox. */
  outbox(): Promise<string[]>
}

export function useBrowser(): Setting {
  let browser: Browser
  const setting = {} as { -readonly [Key in keyof Setting]: Setting[Key] }

  beforeAll(async () => {
    browser = await chromium.launch({
      ...browserOptions(),
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    })
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    setting.site = await startSite()
    setting.collector = await startCollector()
    setting.context = await browser.newContext()
    setting.page = await setting.context.newPage()
    setting.serve('/', '', '<h1>No script</h1>')
  })
  afterEach(async () => {
    await setting.context.close()
    await setting.site.stop()
    await setting.collector.stop().catch(() => {})
  })

  const listeners = `<script>
    errors = []; verdicts = []; note = (error) => { errors.push(error.message) }
    document.addEventListener('lapse', (event) => verdicts.push(event.detail))
  </script>`

  setting.serve = (path, attributes, body = '', headers = {}) => {
    const tag = attributes
      ? `<script src="/lapse.js" defer data-site="acme" data-collector="${setting.collector.url}" data-on-error="note" ${attributes}></script>`
      : ''
    const html = `<!doctype html><html lang="en"><title>${path}</title>${listeners}${tag}<body>${body}</body></html>`
    setting.site.pages.set(path, { html, headers })
  }
  setting.open = async (page = setting.page) => {
    setting.site.pages.set('/client', { html: `${listeners}<script src="/lapse.js"></script>` })
    await page.goto(`${setting.site.url}/client`)
    await page.evaluate((collector) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, onError: window.note })
    }, setting.collector.url)
    return page
  }
  setting.cookie = async () =>
    (await setting.context.cookies(setting.site.url)).find(({ name }) => name === 'lapse-acme')?.value
  setting.marker = async () => Object.fromEntries(new URLSearchParams(await setting.cookie()))
  setting.plant = async (fields = {}, idleMs = 3_600_000) => {
    const id = randomUUID()
    const at = `${Date.now() - idleMs}`
    const value = `${new URLSearchParams({ v: '1', id, since: at, at, ...fields })}`
    await setting.context.addCookies([
      { name: 'lapse-acme', value, url: setting.site.url },
      { name: 'lapse-acme-open', value: '1', url: setting.site.url },
    ])
    return id
  }
  setting.outbox = () =>
    setting.page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('lapse:acme:')))
  return setting
}
