import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

describe('absent({ session })', () => {
  test.each([
    { check: '{ probe: "/api/200" }', reports: false },
    { check: '{ probe: "/api/401" }', reports: true },
    { check: '{ probe: "/api/403" }', reports: true },
    { check: '{ probe: "/api/500" }', reports: false },
    { check: '{ probe: "/api/redirect" }', reports: true },
    { check: '{ probe: "/api/204" }', reports: false },
    { check: '{ probe: "/api/200?body=" }', reports: false },
    { check: '{ probe: "/api/200?body=null" }', reports: true },
    { check: '{ probe: "/api/200?body=false" }', reports: true },
    { check: '{ probe: "/api/200?body=%20{%20}%0A" }', reports: true },
    { check: '{ probe: "/api/200?body=nullable" }', reports: false },
    { check: '{ probe: "/api/200?body={}&type=text/html" }', reports: false },
    { check: '{ probe: "http://127.0.0.1:9/" }', reports: false },
    { check: '{ cookie: "sid" }', reports: false },
    { check: '{ cookie: "other" }', reports: true },
    { check: 'async () => true', reports: false },
    { check: '() => false', reports: true },
    { check: '() => undefined', reports: false },
    { check: '() => { throw new Error("no") }', reports: false },
  ])('reports the session only if there certainly is none: $check', async ({ check, reports }) => {
    await env.context.addCookies([{ name: 'sid', value: '1', url: env.site.url }])
    const page = await env.openClient()
    const id = await env.plantMarker()
    const outcome = await page.evaluate(`lapse.absent({ session: ${check} })`)
    const hasMarker = (await env.readCookie()) !== undefined
    expect({ hasVerdict: outcome !== null, hasMarker, rows: env.collector.rows() }).toEqual({
      hasVerdict: reports,
      hasMarker: !reports,
      rows: reports ? [id] : [],
    })
  })

  test('reports nothing if another tab moves the marker during the check', async () => {
    await env.plantMarker()
    const page = await env.openClient()
    const outcome = await page.evaluate(() =>
      window.lapse.absent({
        session: async () => {
          window.lapse.touch()
          return false
        },
      }),
    )
    expect({ outcome, received: env.collector.received }).toEqual({ outcome: null, received: [] })
  })
})

describe('The request of a check', () => {
  test('is no activity, so the end is reported on a page that watches the session', async () => {
    const page = await env.openClient()
    await page.evaluate((collector) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, idleTimeoutSeconds: 90 })
      window.lapse.active()
    }, env.collector.url)
    const id = await env.plantMarker({}, 60_000)
    const { at } = await env.readMarker()
    await page.evaluate(() =>
      window.lapse.absent({
        // Waits until the observer of requests has run.
        session: async () => {
          const response = await fetch('/api/200?body=null')
          await response.text()
          await new Promise((done) => setTimeout(done, 300))
          return false
        },
      }),
    )
    expect(env.collector.received).toMatchObject([{ marker: id, lastAccessAt: Number(at) }])
  })

  test('does not stop the page from watching, even if it fails', async () => {
    const page = await env.openClient()
    await page.evaluate(async (collector) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, idleTimeoutSeconds: 90 })
      window.lapse.active()
      await window.lapse.absent({ session: () => Promise.reject(new Error('offline')) })
      await window.lapse.absent({ session: () => true })
    }, env.collector.url)
    await env.plantMarker({}, 60_000)
    await page.evaluate(() => fetch('/api/200').then((response) => response.text()))
    await expect.poll(async () => Date.now() - Number((await env.readMarker()).at)).toBeLessThan(30_000)
  })
})
