import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'
import { hidePage, intervalMs, minuteMs, options, secondMs, useLiveSession } from './liveSession.ts'

const env = useEnvironment()
const { openSession, openReportedSession, expectReports, readReports, useLater } = useLiveSession(env)

const readSharedState = () =>
  env.page.evaluate<Record<string, number>>(() => JSON.parse(localStorage['lapse-acme']))

/** Waits until the page has handled the answer to its last report. */
const waitForFailure = () => expect.poll(readSharedState).toHaveProperty('failedAt')

describe('An activity report that the collector has not confirmed', () => {
  test('is sent again, with growing pauses that are at most as long as the interval', async () => {
    env.collector.failActivity({ status: 503 })
    await openSession()
    await expectReports(1)
    const counts: number[] = []
    for (let minute = 0; minute < 30; minute++) {
      for (let step = 0; step < 12; step++) {
        await env.context.clock.runFor(5 * secondMs)
        await sleep(10)
      }
      counts.push(readReports().length)
    }
    expect(counts[0]).toBeGreaterThan(3)
    expect(counts[0]).toBeLessThan(12)
    const inLastTenMinutes = (counts[29] ?? 0) - (counts[19] ?? 0)
    expect(inLastTenMinutes).toBeGreaterThanOrEqual(2)
    expect(inLastTenMinutes).toBeLessThanOrEqual(5)
    env.collector.failActivity()
    const sent = readReports().length
    await env.context.clock.runFor(intervalMs)
    await expectReports(sent + 1)
    await env.context.clock.runFor(intervalMs)
    await expectReports(sent + 1)
  })

  test('is not sent before the time in Retry-After, even if the page is hidden or is another one', async () => {
    env.collector.failActivity({ status: 429, headers: { 'Retry-After': '120' } })
    const page = await openSession()
    await expectReports(1)
    await waitForFailure()
    await useLater(page, 100 * secondMs)
    await hidePage(page)
    await hidePage(await openSession(undefined, await env.context.newPage()))
    await page.close()
    await expectReports(1)
    await env.context.clock.runFor(30 * secondMs)
    await expectReports(2)
  })

  test.each([401, 403, 500, 404])(
    'is sent again after a %d if an earlier one was confirmed',
    async (status) => {
      const page = await openReportedSession()
      env.collector.failActivity({ status })
      await useLater(page, intervalMs)
      await expectReports(2)
      await waitForFailure()
      await env.context.clock.runFor(minuteMs)
      await expect.poll(() => readReports().length).toBeGreaterThan(2)
      expect(await env.readErrors()).toContainEqual({
        name: 'LapseClientError',
        code: 'report_pending',
        cause: { status, body: { title: 'no' } },
      })
    },
  )

  test('is sent again after a 200 from another server, such as a captive portal', async () => {
    env.collector.failActivity({ status: 200, body: '<h1>Sign in to the hotel’s network</h1>' })
    await openSession()
    await expectReports(1)
    await waitForFailure()
    env.collector.failActivity()
    await env.context.clock.runFor(5 * secondMs)
    await expectReports(2)
  })

  test('is sent as soon as the browser is online again', async () => {
    const page = await openReportedSession()
    await env.context.setOffline(true)
    await useLater(page, intervalMs)
    await env.context.clock.runFor(secondMs)
    await waitForFailure()
    await expectReports(1)
    await env.context.setOffline(false)
    await env.context.clock.runFor(secondMs)
    await expectReports(2)
  })

  test('is sent by another page if the first one was closed before the answer', async () => {
    env.collector.failActivity({ status: 503, afterMs: 60_000 })
    const page = await openSession()
    await expectReports(1)
    await page.close()
    env.collector.failActivity()
    await openSession(undefined, await env.context.newPage())
    await env.context.clock.runFor(intervalMs)
    await expectReports(2)
  })
})

describe('An activity report', () => {
  test.each([404, 405])(
    'is not sent for an hour after a %d, because the collector is an older one',
    async (status) => {
      env.collector.failActivity({ status })
      const page = await openSession()
      await expectReports(1)
      await waitForFailure()
      for (let count = 0; count < 5; count++) {
        await useLater(page, 10 * minuteMs)
        await hidePage(page)
      }
      await expectReports(1)
      env.collector.failActivity()
      await useLater(page, 11 * minuteMs)
      await env.context.clock.runFor(secondMs)
      await expectReports(2)
    },
  )

  test.each([400, 413, 415, 422])(
    'is not sent again after a %d, but the next one is sent',
    async (status) => {
      env.collector.failActivity({ status })
      const page = await openSession()
      await expectReports(1)
      await expect.poll(env.readErrors).toMatchObject([{ code: 'report_refused', cause: { status } }])
      await env.context.clock.runFor(2 * intervalMs)
      await hidePage(page)
      await expectReports(1)
      env.collector.failActivity()
      await useLater(page)
      await env.context.clock.runFor(secondMs)
      await expectReports(2)
    },
  )
})

describe('After the clock was set back,', () => {
  test('the next activity is reported at once, with times that do not contradict each other', async () => {
    const page = await openReportedSession()
    await env.context.clock.setSystemTime(Date.now() - 60 * minuteMs)
    await hidePage(page)
    await expectReports(1)
    await page.evaluate(() => window.lapse.touch())
    await env.context.clock.runFor(secondMs)
    await expectReports(2)
    const { startedAt = 0, lastAccessAt = 0, sentAt = 0 } = readReports()[1] ?? {}
    expect(startedAt).toBeLessThanOrEqual(lastAccessAt)
    expect(lastAccessAt).toBeLessThanOrEqual(sentAt)
    expect(sentAt).toBeLessThan(Date.now() - 59 * minuteMs)
  })
})

describe('Without localStorage,', () => {
  test.each([
    {
      why: 'the browser blocks it',
      breakStorage: () => {
        Object.defineProperty(window, 'localStorage', { get: () => undefined })
      },
    },
    {
      why: 'it is full',
      breakStorage: () => {
        const set = () => {
          throw new Error('full')
        }
        const state = JSON.stringify({ key: 'a1', confirmedAt: 0, claimedAt: 1, nextAt: 0, hiddenAt: 0 })
        Object.defineProperty(window, 'localStorage', { value: new Proxy({ 'lapse-acme': state }, { set }) })
      },
    },
  ])('a page sends at most one report per interval: $why', async ({ breakStorage }) => {
    await env.page.addInitScript(breakStorage)
    const page = await openReportedSession()
    for (let count = 0; count < 4; count++) await useLater(page)
    await expectReports(1)
    await useLater(page, intervalMs - 4 * minuteMs)
    await expectReports(2)
  })
})

describe('The shared state in localStorage', () => {
  test.each(['', '{', 'null', '5', '[]', '{"key":"a1"}'])(
    'is replaced if it is damaged: %s',
    async (text) => {
      const page = await env.openClient(env.page, options)
      await page.evaluate((text) => {
        localStorage['lapse-acme'] = text
        window.lapse.active({ session: 'a1' })
      }, text)
      await expectReports(1)
      await expect.poll(readSharedState).toMatchObject({ key: 'a1', confirmedAt: expect.any(Number) })
      expect(await env.readErrors()).toEqual([])
    },
  )
})
