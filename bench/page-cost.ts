// Measures what the client costs a page: its size, and its time on the main thread. Run: pnpm build && node bench/page-cost.ts
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { LapseGlobal } from '@lapse/client'
import { chromium, type Page } from 'playwright-core'
import { createBrowserOptions } from '../test/browser.ts'
import { listen } from '../test/listen.ts'
import { computeMedian } from './median.ts'

declare global {
  interface Window {
    Lapse: LapseGlobal
  }
}

const pages = 51
const calls = 500

const scripts = {
  'Lapse 0.1.0': new URL('../packages/client/dist/lapse.js', import.meta.url),
  'web-vitals 6.2.3': new URL('./web-vitals.iife.js', import.meta.resolve('web-vitals')),
  'Plausible tracker 0.4.6': new URL(import.meta.resolve('@plausible-analytics/tracker')),
}

const server = createServer((_, response) => {
  // With these headers, the page's clock has a resolution of 5 µs instead of 100.
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
  response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>bench</title>')
})
const { url, close } = await listen(server)
const browser = await chromium.launch(createBrowserOptions())

console.table(
  Object.fromEntries(
    Object.entries(scripts).map(([name, file]) => {
      const bytes = readFileSync(file)
      const gzip = gzipSync(bytes, { level: 9 }).length
      return [name, { raw: bytes.length, gzip, brotli: brotliCompressSync(bytes).length }]
    }),
  ),
)

const source = readFileSync(scripts['Lapse 0.1.0'], 'utf8')
const times: Record<'load' | 'active' | 'touch' | 'absent', number[]> = {
  load: [],
  active: [],
  touch: [],
  absent: [],
}
for (let count = 0; count < pages; count++) {
  const page = await browser.newPage()
  await page.goto(url)
  const measured = await measure(page, source)
  for (const [name, microseconds] of Object.entries(measured))
    times[name as keyof typeof times].push(microseconds)
  await page.close()
}
console.table(
  Object.fromEntries(
    Object.entries(times).map(([name, all]) => [
      name,
      { 'median µs': Math.round(computeMedian(all) * 10) / 10 },
    ]),
  ),
)
console.log(
  `Medians of ${pages} fresh pages; touch and absent (with nothing to report) are means of ${calls} calls each.`,
)
await browser.close()
await close()

function measure(page: Page, script: string) {
  return page.evaluate(
    async ([text, repeats]) => {
      const timed = (step: () => unknown) => {
        const before = performance.now()
        step()
        return (performance.now() - before) * 1000
      }
      const element = document.createElement('script')
      element.textContent = text
      const load = timed(() => document.head.append(element))
      const lapse = window.Lapse.createLapse({ site: 'bench', collector: 'http://127.0.0.1:9' })
      const absent = timed(() => {
        for (let call = 0; call < repeats; call++) lapse.absent()
      })
      const active = timed(() => lapse.active({ subject: 'u_1', session: 's_1' }))
      const touch = timed(() => {
        for (let call = 0; call < repeats; call++) lapse.touch()
      })
      return { load, active, touch: touch / repeats, absent: absent / repeats }
    },
    [script, calls] as const,
  )
}
