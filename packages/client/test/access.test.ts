import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { LapseOptions } from '../src/index.ts'
import { useBrowser } from './browser.ts'

const it = useBrowser()

/** A client that is active on the open page, and a marker whose last access lies a minute back. */
async function watch(options: Partial<LapseOptions> = {}, fields: Record<string, string> = {}) {
  await it.page.evaluate(
    ({ collector, ...options }) => {
      window.lapse.stop()
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, ...options })
      window.lapse.active()
    },
    { collector: it.collector.url, ...options },
  )
  await it.plant(fields, 60_000)
}

const isNow = async () => Date.now() - Number((await it.marker()).at) < 30_000

const expectMove = () => expect.poll(isNow).toBe(true)

/** Waits long enough that the marker would have moved. */
async function expectNoMove(): Promise<void> {
  await sleep(400)
  expect(await isNow()).toBe(false)
}

const get = (url: string) => it.page.evaluate((url) => fetch(url).then((r) => r.text(), String), url)

const hide = () =>
  it.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))

const request = () => {
  const request = new XMLHttpRequest()
  request.open('GET', '/api/200')
  request.send()
}

const showImage = () => {
  new Image().src = '/image.png'
}

async function expectAccess(act: () => Promise<unknown>, ...how: Parameters<typeof watch>): Promise<void> {
  await watch(...how)
  await act()
  await expectMove()
}

async function expectNoAccess(act: () => Promise<unknown>, ...how: Parameters<typeof watch>): Promise<void> {
  await watch(...how)
  await act()
  await expectNoMove()
}

describe('an access', () => {
  test('is a successful request of the page, and what the host tells', async () => {
    const page = await it.open()
    await expectAccess(() => get('/api/200'))
    await expectAccess(() => page.evaluate(request))
    await expectAccess(() => page.evaluate(() => window.lapse.touch()))
  })

  test('is no failed, redirected or foreign request, no image, no click', async () => {
    const page = await it.open()
    await watch()
    for (const url of ['/api/401', '/api/403', '/api/500', '/api/redirect', 'http://127.0.0.1:9/'])
      await get(url)
    await page.evaluate((url) => fetch(url, { method: 'POST', body: '{}' }), it.collector.url)
    await page.evaluate(showImage)
    await page.click('html')
    await expectNoMove()
  })

  test('is what the host chooses', async () => {
    const page = await it.open()
    await expectNoAccess(() => get('/api/200'), { touchOn: ['load'] })
    const touchOn = ['interaction'] as const
    await expectAccess(() => page.click('html'), { touchOn })
    await expectAccess(() => page.keyboard.press('a'), { touchOn })
    await expectNoAccess(() => page.click('html'), { touchOn, idleTimeoutSeconds: 30 })
  })

  test('is none after stop(), nor after absent()', async () => {
    await it.open()
    await watch()
    await it.page.evaluate(() => window.lapse.stop())
    await get('/api/200')
    await expectNoMove()
    await watch()
    await it.page.evaluate(() => window.lapse.absent())
    await it.plant({}, 60_000)
    await get('/api/200')
    await expectNoMove()
  })

  test('by a request is one that the filter lets through', async () => {
    const page = await it.open()
    await page.evaluate((collector) => {
      window.lapse.stop()
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, requests: /\/api\/2/ })
      window.lapse.active()
    }, it.collector.url)
    await it.plant({}, 60_000)
    await get('/lapse.js?fresh')
    await expectNoMove()
    await get('/api/200')
    await expectMove()
  })

  test('that loads the page counts only where the host says that loads do', async () => {
    await it.open()
    await it.plant({}, 60_000)
    await it.page.evaluate((collector) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, touchOn: ['request'] })
      window.lapse.active()
    }, it.collector.url)
    await expectNoMove()
    await it.page.evaluate((collector) => {
      window.Lapse.createLapse({ site: 'acme', collector }).active()
    }, it.collector.url)
    await expectMove()
  })

  test('of hidden status counts within a known idle timeout, the ticket’s first', async () => {
    const page = await it.open()
    await page.evaluate(() =>
      Object.defineProperty(PerformanceResourceTiming.prototype, 'responseStatus', { get: () => 0 }),
    )
    // Its base64url has a - and a _.
    const payload = (idle: number) =>
      Buffer.from(JSON.stringify({ sub: '~~~???', idle })).toString('base64url')
    const ticket = (idle: number) => ({ ticket: `e.${payload(idle)}.s` })
    for (const [expectation, options, fields] of [
      [expectAccess, { idleTimeoutSeconds: 90 }, {}],
      [expectNoAccess, { idleTimeoutSeconds: 30 }, {}],
      [expectNoAccess, {}, {}],
      [expectAccess, { idleTimeoutSeconds: 30 }, ticket(90)],
      [expectNoAccess, { idleTimeoutSeconds: 90 }, ticket(30)],
    ] as const)
      await expectation(() => get('/api/200'), options, fields)
  })

  test('is written seldom, and the last one when the page is hidden', async () => {
    await it.open()
    await watch()
    const { writes, elapsedMs } = await it.page.evaluate(async () => {
      const { set, get } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie') ?? {}
      let writes = 0
      Object.defineProperty(document, 'cookie', {
        get: () => get?.call(document),
        set: (value: string) => {
          if (value.startsWith('lapse-acme=')) writes++
          set?.call(document, value)
        },
      })
      const startedAt = performance.now()
      for (let count = 0; count < 20; count++) {
        window.lapse.touch()
        await new Promise((done) => setTimeout(done, 5))
      }
      return { writes, elapsedMs: performance.now() - startedAt }
    })
    const before = Number((await it.marker()).at)
    await hide()
    // Four times a second at most, however slow the machine.
    expect(writes).toBeLessThanOrEqual(1 + elapsedMs / 250)
    expect(writes).toBeLessThan(20)
    expect(Number((await it.marker()).at)).toBeGreaterThan(before)
  })

  test('never brings a marker back, nor moves one that began after it', async () => {
    await it.open()
    await watch()
    await it.page.evaluate(() => {
      window.lapse.touch()
      window.lapse.touch()
    })
    await it.context.clearCookies({ name: 'lapse-acme' })
    await it.page.evaluate(() => window.lapse.touch())
    await hide()
    expect(await it.cookie()).toBeUndefined()
    const start = `${Date.now() + 5000}`
    await it.plant({ since: start, at: start })
    await hide()
    expect((await it.marker()).at).toBe(start)
  })
})
