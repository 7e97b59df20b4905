// Measures how many activity reports the client sends. Run: pnpm build && node bench/client-requests.ts
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LapseGlobal } from '@lapse/client'
import { chromium, type Page } from 'playwright-core'
import { createBrowserOptions } from '../test/browser.ts'
import { listen } from '../test/listen.ts'

declare global {
  interface Window {
    Lapse: LapseGlobal
  }
}

const idleTimeoutSeconds = 1800
const hourMs = 3_600_000
const stepMs = 15_000
/** With the default interval for this idle timeout, 300 seconds. */
const intervalsPerHour = 12
/** Tabs need real time to agree which of them reports, so the hour of ten tabs has shorter intervals. */
const shortIntervalSeconds = 5

const script = readFileSync(new URL('../packages/client/dist/lapse.js', import.meta.url))
let reports = 0
const server = createServer((request, response) => {
  if (request.url === '/lapse.js')
    return void response.setHeader('Content-Type', 'text/javascript').end(script)
  if (request.url === '/v1/activity') {
    reports += 1
    return void response.writeHead(204).end()
  }
  const heartbeatSeconds = new URL(`http://host${request.url}`).searchParams.get('heartbeat') ?? ''
  response
    .setHeader('Content-Type', 'text/html')
    .end(`<!doctype html><script src="/lapse.js" defer data-site="acme" data-state="active" data-session="a1"
      data-idle-timeout-seconds="${idleTimeoutSeconds}" data-heartbeat-seconds="${heartbeatSeconds}"></script>`)
})
const { url, close } = await listen(server)
const browser = await chromium.launch(createBrowserOptions())

/** Returns how many reports are sent in an hour of a page's clock, with an action every 15 seconds. */
async function countInHour(act: (page: Page, count: number) => Promise<unknown>): Promise<number> {
  const context = await browser.newContext()
  await context.clock.install()
  const page = await context.newPage()
  await page.goto(url)
  await passTime(page)
  const before = reports
  for (let count = 0; count < hourMs / stepMs; count++) {
    await act(page, count)
    await passTime(page)
  }
  await context.close()
  return reports - before
}

async function passTime(page: Page): Promise<void> {
  await page.clock.runFor(stepMs)
  // The answers arrive in real time.
  await sleep(20)
}

/** Returns how many reports ten tabs send in twelve intervals, which are an hour with the default interval. */
async function countOfTenTabs(): Promise<number> {
  const context = await browser.newContext()
  const pages: Page[] = []
  while (pages.length < 10) pages.push(await context.newPage())
  for (const page of pages) await page.goto(`${url}?heartbeat=${shortIntervalSeconds}`)
  await sleep(1000)
  const before = reports
  const end = Date.now() + intervalsPerHour * shortIntervalSeconds * 1000
  while (Date.now() < end) {
    for (const page of pages) await touch(page)
    await sleep(50)
  }
  const count = reports - before
  await context.close()
  return count
}

const touch = (page: Page) => page.evaluate(() => window.Lapse.touch?.())

console.table({
  'an hour of work on one page, with a call of touch() every 15 s': await countInHour(touch),
  'an hour of work, with a new page every 30 s': await countInHour(
    async (page, count) => count % 2 === 0 && (await page.goto(url)),
  ),
  'an hour of work in ten tabs': await countOfTenTabs(),
  'an hour in which nobody uses the page': await countInHour(async () => {}),
})
await browser.close()
await close()
