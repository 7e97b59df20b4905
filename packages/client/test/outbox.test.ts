import { describe, expect, test } from 'vitest'
import { retryDelay } from '../src/outbox.ts'
import { useBrowser } from './browser.ts'

const it = useBrowser()

/** Loads the page again and again, as a user would, until something is so. */
async function untilSo(condition: () => boolean) {
  const isSo = async () => {
    await it.open()
    return condition()
  }
  await expect.poll(isSo, { interval: 300 }).toBe(true)
}

const pending = { pending: true }

describe('an event', () => {
  test('that finds the collector down waits, and is delivered on a later page, whoever is signed in then', async () => {
    const id = await it.plant({ sub: 'u_1' })
    await it.collector.stop()
    const page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    expect([await it.cookie(), await it.outbox()]).toEqual([undefined, [`lapse:acme:${id}`]])
    expect(await page.evaluate(() => window.errors)).not.toEqual([])
    await page.evaluate(() => window.lapse.active({ subject: 'u_2' }))
    const marker = await it.cookie()
    await it.collector.start()
    await untilSo(() => it.collector.rows().includes(id))
    expect(it.collector.received).toMatchObject([{ subject: 'u_1', detectedBy: 'login_page' }])
    expect([await it.cookie(), await it.outbox()]).toEqual([marker, []])
  })

  test('is found once: a later try says when it was found, and when it was sent', async () => {
    await it.plant()
    it.collector.fail({ status: 503 })
    const page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    await untilSo(() => it.collector.rows().length === 1)
    const [first, second] = it.collector.received
    expect(second?.detectedAt).toBe(first?.detectedAt)
    expect(Number(second?.sentAt)).toBeGreaterThan(Number(first?.sentAt))
  })

  test('that failed is tried again by a page that stays open', async () => {
    const id = await it.plant()
    it.collector.fail({ status: 503 })
    const page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    await expect.poll(it.collector.rows).toContain(id)
    await expect.poll(it.outbox).toEqual([])
  })

  test('is not sent before the time that the collector asked for', async () => {
    await it.plant()
    it.collector.fail({ status: 503, headers: { 'Retry-After': '2' } })
    const page = await it.open()
    await page.evaluate(() => window.lapse.absent())
    await it.open()
    await it.open()
    expect(it.collector.received).toHaveLength(1)
    await untilSo(() => it.collector.rows().length === 1)
    const [first, second] = it.collector.received
    expect(Number(second?.sentAt) - Number(first?.sentAt)).toBeGreaterThanOrEqual(2000)
  }, 15_000)

  test('that the collector refuses for itself is dropped, and the host is told', async () => {
    const page = await it.open()
    for (const status of [400, 413, 415, 422]) {
      await it.plant()
      it.collector.fail({ status })
      expect(await page.evaluate(() => window.lapse.absent())).toBeNull()
      expect([await it.cookie(), await it.outbox()]).toEqual([undefined, []])
      expect(await page.evaluate(() => window.errors.pop())).toBe(`Lapse: not confirmed: ${status}`)
    }
  })

  test('that meets anything else is kept', async () => {
    const page = await it.open()
    const statuses = [401, 403, 404, 429, 500]
    for (const status of statuses) {
      await it.plant()
      it.collector.fail({ status, body: '<h1>no JSON</h1>' })
      expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    }
    expect(await it.outbox()).toHaveLength(statuses.length)
  })

  test('is not confirmed by a 200 that is not the collector’s', async () => {
    await it.plant()
    it.collector.fail({ status: 200, body: '<h1>Sign in to the hotel’s network</h1>' })
    const page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    expect(await it.outbox()).toHaveLength(1)
  })

  test('that fails when the marker’s lifetime is over is given up', async () => {
    await it.plant({}, 40 * 86_400_000)
    it.collector.fail({ status: 401 })
    const page = await it.open()
    await page.evaluate(() => window.lapse.absent())
    await page.evaluate(() => {
      const [key = ''] = Object.keys(localStorage)
      const event = JSON.parse(localStorage[key])
      localStorage[key] = JSON.stringify({ ...event, detectedAt: event.detectedAt - 31 * 864e5, retryAt: 0 })
    })
    it.collector.fail({ status: 401 })
    await it.open()
    await expect.poll(it.outbox).toEqual([])
    expect(it.collector.rows()).toEqual([])
  })

  test('that fails after 400 days is given up, however long the marker was to live', async () => {
    const page = await it.open()
    it.collector.fail({ status: 401 })
    await page.evaluate((collector) => {
      localStorage['lapse:other:id'] = JSON.stringify({ detectedAt: Date.now() - 401 * 864e5 })
      window.Lapse.createLapse({ site: 'other', collector, cookie: { days: 1000 } })
    }, it.collector.url)
    await expect.poll(() => page.evaluate(() => localStorage['lapse:other:id'])).toBeUndefined()
  })

  test('found offline goes out as soon as the browser is online again', async () => {
    const id = await it.plant()
    const page = await it.open()
    await it.context.setOffline(true)
    expect(await page.evaluate(() => window.lapse.absent())).toEqual(pending)
    await it.context.setOffline(false)
    await expect.poll(it.collector.rows).toContain(id)
    await expect.poll(it.outbox).toEqual([])
  })

  test('survives that its page is left before the answer', async () => {
    const id = await it.plant()
    it.collector.fail({ status: 503, afterMs: 2000 })
    const page = await it.open()
    page.evaluate(() => void window.lapse.absent())
    await expect.poll(() => it.collector.received).toHaveLength(1)
    await page.goto(`${it.site.url}/`)
    expect(await it.outbox()).toHaveLength(1)
    await untilSo(() => it.collector.rows().includes(id))
  })

  test('goes out although the page has used up the quota of keepalive requests', async () => {
    const id = await it.plant()
    const page = await it.open()
    const sink = 'http://127.0.0.1:9'
    await page.evaluate((url) => {
      fetch(url, { method: 'POST', body: 'x'.repeat(65_000), keepalive: true, mode: 'no-cors' }).catch(
        () => {},
      )
      window.lapse.absent()
    }, sink)
    await expect.poll(it.collector.rows).toContain(id)
  })

  test('that another tab has in hand is left to it', async () => {
    const id = await it.plant()
    it.collector.fail({ status: 503 })
    const page = await it.open()
    await page.evaluate(() => window.lapse.absent())
    await page.evaluate(
      (key) =>
        new Promise<void>((held) => {
          const { retryAt, ...event } = JSON.parse(localStorage[key])
          localStorage[key] = JSON.stringify(event)
          navigator.locks.request(key, () => {
            held()
            return new Promise(() => {})
          })
        }),
      `lapse:acme:${id}`,
    )
    await it.open(await it.context.newPage())
    await new Promise((done) => setTimeout(done, 300))
    expect(it.collector.received).toHaveLength(1)
  })
})

describe('the outbox', () => {
  test('brings in all twenty that wait, and pushes out the oldest of more', async () => {
    await it.collector.stop()
    const page = await it.open()
    const ids: string[] = []
    for (let count = 0; count < 21; count++) {
      ids.push(await it.plant())
      await page.evaluate(() => window.lapse.absent())
    }
    expect(await it.outbox()).toHaveLength(20)
    expect(await page.evaluate(() => window.errors.filter((error) => error.includes('full')))).toHaveLength(1)
    await page.evaluate(() => {
      for (const key of Object.keys(localStorage)) {
        localStorage[key] = localStorage[key].replace(/,"retryAt":\d+(\.\d+)?/, '')
      }
    })
    await it.collector.start()
    await it.open()
    await expect.poll(it.outbox).toEqual([])
    expect(it.collector.rows().sort()).toEqual(ids.slice(1).sort())
  })

  test('of one site leaves the events of another alone', async () => {
    const page = await it.open()
    await page.evaluate(() => {
      localStorage['lapse:other:1'] = '{"marker":"1"}'
      localStorage['lapse:acme:broken'] = '{'
    })
    await it.plant()
    await it.open()
    await page.evaluate(() => window.lapse.absent())
    expect(it.collector.received).toHaveLength(1)
    expect(await page.evaluate(() => localStorage['lapse:other:1'])).toBe('{"marker":"1"}')
  })
})

describe('the pause before the next try', () => {
  test.each([
    [0, 1000],
    [1000, 2000],
    [60_000, 61_000],
    [864e5, 36e5],
  ])('after %d ms is at most %d ms, and at least half of it', (waited, most) => {
    const delay = retryDelay(waited)
    expect(delay).toBeLessThanOrEqual(most)
    expect(delay).toBeGreaterThanOrEqual(most / 2)
  })

  test.each([
    ['120', 120_000],
    [null, 0],
    ['soon', 0],
  ])('is never shorter than Retry-After: %s', (retryAfter, least) => {
    expect(retryDelay(0, retryAfter)).toBeGreaterThanOrEqual(least + 500)
    expect(retryDelay(0, retryAfter)).toBeLessThanOrEqual(least + 1000)
  })
})
