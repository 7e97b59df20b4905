import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const dayMs = 86_400_000
const pending = { pending: true }

/** Opens page after page, as a user would, until the condition holds. */
async function openPagesUntil(condition: () => boolean) {
  const openAndCheck = async () => {
    await env.openClient()
    return condition()
  }
  await expect.poll(openAndCheck, { interval: 300 }).toBe(true)
}

const callAbsent = () => env.page.evaluate(() => window.lapse.absent())

describe('A report', () => {
  test('waits while the collector is down, and is delivered on a later page of any user', async () => {
    const id = await env.plantMarker({ sub: 'u_1' })
    await env.collector.stop()
    const page = await env.openClient()
    expect(await callAbsent()).toEqual(pending)
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox() }).toEqual({
      cookie: undefined,
      outbox: [`lapse:acme:${id}`],
    })
    expect(await env.readErrors()).toMatchObject([{ code: 'report_pending' }])
    await page.evaluate(() => window.lapse.active({ subject: 'u_2' }))
    const markerOfNextUser = await env.readCookie()
    await env.collector.start()
    await openPagesUntil(() => env.collector.rows().includes(id))
    expect(env.collector.received).toMatchObject([{ subject: 'u_1', detectedBy: 'login_page' }])
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox() }).toEqual({
      cookie: markerOfNextUser,
      outbox: [],
    })
  })

  test('keeps its time of detection in a later attempt, and gets a new time of sending', async () => {
    await env.plantMarker()
    env.collector.fail({ status: 503 })
    await env.openClient()
    expect(await callAbsent()).toEqual(pending)
    await openPagesUntil(() => env.collector.rows().length === 1)
    const [first, second] = env.collector.received
    expect(second?.detectedAt).toBe(first?.detectedAt)
    expect(Number(second?.sentAt)).toBeGreaterThan(Number(first?.sentAt))
  })

  test('is sent again by a page that stays open', async () => {
    const id = await env.plantMarker()
    env.collector.fail({ status: 503 })
    await env.openClient()
    expect(await callAbsent()).toEqual(pending)
    await expect.poll(env.collector.rows).toContain(id)
    await expect.poll(env.readOutbox).toEqual([])
  })

  test('is not sent before the time in Retry-After', async () => {
    await env.plantMarker()
    env.collector.fail({ status: 503, headers: { 'Retry-After': '5' } })
    await env.openClient()
    await callAbsent()
    await env.openClient()
    await env.openClient()
    expect(env.collector.received).toHaveLength(1)
    await openPagesUntil(() => env.collector.rows().length === 1)
    const [first, second] = env.collector.received
    expect(Number(second?.sentAt) - Number(first?.sentAt)).toBeGreaterThanOrEqual(5000)
  })

  test.each([400, 413, 415, 422])('is dropped and reported to onError after a %d', async (status) => {
    await env.openClient()
    await env.plantMarker()
    env.collector.fail({ status })
    expect(await callAbsent()).toBeNull()
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox() }).toEqual({
      cookie: undefined,
      outbox: [],
    })
    expect(await env.readErrors()).toEqual([
      { name: 'LapseClientError', code: 'report_refused', cause: { status, body: { title: 'no' } } },
    ])
  })

  test('is kept after any other status', async () => {
    await env.openClient()
    const statuses = [401, 403, 404, 429, 500]
    for (const status of statuses) {
      await env.plantMarker()
      env.collector.fail({ status, body: '<h1>no JSON</h1>' })
      expect(await callAbsent()).toEqual(pending)
    }
    expect(await env.readOutbox()).toHaveLength(statuses.length)
    expect(await env.readErrors()).toMatchObject(
      statuses.map((status) => ({ code: 'report_pending', cause: { status } })),
    )
  })

  test('is not confirmed by a 200 from another server, such as a captive portal', async () => {
    await env.plantMarker()
    env.collector.fail({ status: 200, body: '<h1>Sign in to the hotel’s network</h1>' })
    await env.openClient()
    expect(await callAbsent()).toEqual(pending)
    expect(await env.readOutbox()).toHaveLength(1)
  })

  test('is dropped when it fails after the lifetime of the marker', async () => {
    await env.plantMarker({}, 40 * dayMs)
    env.collector.fail({ status: 401 })
    const page = await env.openClient()
    await callAbsent()
    await page.evaluate((ageMs) => {
      const [key = ''] = Object.keys(localStorage)
      const report = JSON.parse(localStorage[key])
      localStorage[key] = JSON.stringify({ ...report, detectedAt: report.detectedAt - ageMs, retryAt: 0 })
    }, 31 * dayMs)
    env.collector.fail({ status: 401 })
    await env.openClient()
    await expect.poll(env.readOutbox).toEqual([])
    expect(env.collector.rows()).toEqual([])
    await expect.poll(env.readErrors).toMatchObject([{ code: 'report_expired', cause: { status: 401 } }])
  })

  test('is dropped when it fails after 400 days, however long the marker may live', async () => {
    const page = await env.openClient()
    env.collector.fail({ status: 401 })
    await page.evaluate(
      ({ collector, ageMs }) => {
        localStorage['lapse:other:id'] = JSON.stringify({ detectedAt: Date.now() - ageMs })
        window.Lapse.createLapse({ site: 'other', collector, cookie: { days: 1000 } })
      },
      { collector: env.collector.url, ageMs: 401 * dayMs },
    )
    await expect.poll(() => page.evaluate(() => localStorage['lapse:other:id'])).toBeUndefined()
  })

  test('is sent as soon as the browser is online again', async () => {
    const id = await env.plantMarker()
    await env.openClient()
    await env.context.setOffline(true)
    expect(await callAbsent()).toEqual(pending)
    await env.context.setOffline(false)
    await expect.poll(env.collector.rows).toContain(id)
    await expect.poll(env.readOutbox).toEqual([])
  })

  test('survives when the user leaves the page before the answer', async () => {
    const id = await env.plantMarker()
    env.collector.fail({ status: 503, afterMs: 2000 })
    const page = await env.openClient()
    page.evaluate(() => void window.lapse.absent())
    await expect.poll(() => env.collector.received).toHaveLength(1)
    await env.goto('/')
    expect(await env.readOutbox()).toHaveLength(1)
    await openPagesUntil(() => env.collector.rows().includes(id))
  })

  test('is sent even if the page has used up the quota of keepalive requests', async () => {
    const id = await env.plantMarker()
    const page = await env.openClient()
    await page.evaluate((unreachableUrl) => {
      const body = 'x'.repeat(65_000)
      fetch(unreachableUrl, { method: 'POST', body, keepalive: true, mode: 'no-cors' }).catch(() => {})
      window.lapse.absent()
    }, 'http://127.0.0.1:9')
    await expect.poll(env.collector.rows).toContain(id)
  })

  test('is not sent while another tab holds its lock', async () => {
    const id = await env.plantMarker()
    env.collector.fail({ status: 503 })
    const page = await env.openClient()
    await callAbsent()
    await page.evaluate(
      (key) =>
        new Promise<void>((granted) => {
          const { retryAt, ...report } = JSON.parse(localStorage[key])
          localStorage[key] = JSON.stringify(report)
          navigator.locks.request(key, () => {
            granted()
            return new Promise(() => {})
          })
        }),
      `lapse:acme:${id}`,
    )
    await env.openClient(await env.context.newPage())
    await sleep(300)
    expect(env.collector.received).toHaveLength(1)
  })
})

describe('The outbox', () => {
  test('delivers all of its twenty reports, and drops the oldest when there are more', async () => {
    await env.collector.stop()
    const page = await env.openClient()
    const ids: string[] = []
    for (let count = 0; count < 21; count++) {
      ids.push(await env.plantMarker())
      await callAbsent()
    }
    expect(await env.readOutbox()).toHaveLength(20)
    const dropped = (await env.readErrors()).filter(({ code }) => code === 'report_evicted')
    expect(dropped).toMatchObject([{ cause: { marker: ids[0] } }])
    await page.evaluate(() => {
      for (const key of Object.keys(localStorage)) {
        localStorage[key] = localStorage[key].replace(/,"retryAt":\d+(\.\d+)?/, '')
      }
    })
    await env.collector.start()
    await env.openClient()
    await expect.poll(env.readOutbox).toEqual([])
    expect(env.collector.rows().sort()).toEqual(ids.slice(1).sort())
  })

  test('does not touch the reports of another site, and is not stopped by a damaged report', async () => {
    const page = await env.openClient()
    await page.evaluate(() => {
      localStorage['lapse:other:1'] = '{"marker":"1"}'
      localStorage['lapse:acme:broken'] = '{'
    })
    await env.plantMarker()
    await env.openClient()
    await callAbsent()
    expect(env.collector.received).toHaveLength(1)
    expect(await page.evaluate(() => localStorage['lapse:other:1'])).toBe('{"marker":"1"}')
  })
})

describe('A client that was stopped', () => {
  test('sends no report of the outbox again', async () => {
    await env.plantMarker()
    env.collector.fail({ status: 503 })
    const page = await env.openClient()
    expect(await callAbsent()).toEqual(pending)
    await page.evaluate(() => window.lapse.stop())
    await sleep(6500)
    expect(env.collector.received).toHaveLength(1)
    expect(await env.readOutbox()).toHaveLength(1)
  })
})
