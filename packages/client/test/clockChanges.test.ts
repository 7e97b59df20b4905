import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'
import { hidePage, intervalMs, minuteMs, options, secondMs, useLiveSession } from './liveSession.ts'

const env = useEnvironment()
const { openSession, openReportedSession, expectReports, readReports, useLater } = useLiveSession(env)

const hourMs = 60 * minuteMs

/** Sets the clock of all pages back by an hour, from a time that was an hour ahead when the session started. */
const correctClock = () => env.context.clock.setSystemTime(Date.now() - hourMs)
const readClock = () => env.page.evaluate(() => Date.now())

/** Expects times that the collector accepts, and that come from the corrected clock. */
async function expectConsistentTimes(report: object | undefined) {
  const { startedAt, lastAccessAt, detectedAt, sentAt } = report as Readonly<Record<string, number>>
  const times = [startedAt, lastAccessAt, ...(detectedAt ? [detectedAt] : []), sentAt]
  expect(times).toEqual(times.toSorted((a, b) => Number(a) - Number(b)))
  expect(sentAt).toBeLessThanOrEqual(await readClock())
}

describe('After the clock was an hour ahead and is corrected,', () => {
  test.each([
    { what: 'a call of touch()', act: () => window.lapse.touch() },
    { what: 'a request', act: () => fetch('/api/200').then((response) => void response.text()) },
    { what: 'a call of active()', act: () => window.lapse.active({ session: 'a1' }) },
  ])('$what is reported with a start that is no later than the last access', async ({ act }) => {
    const page = await openReportedSession()
    await correctClock()
    await page.evaluate(act)
    await env.context.clock.runFor(intervalMs)
    await expectReports(2)
    await expectConsistentTimes(readReports()[1])
    await useLater(page)
    await env.context.clock.runFor(intervalMs)
    await expectReports(3)
    await expectConsistentTimes(readReports()[2])
  })

  test('a tab with older activity does not move the marker ahead of the clock again', async () => {
    const page = await openReportedSession()
    const other = await openSession(undefined, await env.context.newPage())
    await other.evaluate(() => {
      window.lapse.touch()
      // It follows too soon to be saved at once.
      window.lapse.touch()
    })
    await correctClock()
    await page.evaluate(() => window.lapse.touch())
    await hidePage(other)
    expect(Number((await env.readMarker()).at)).toBeLessThanOrEqual(await readClock())
  })

  test('a session is in use until its user signs out', async () => {
    const page = await openReportedSession()
    await correctClock()
    await page.evaluate(() => window.lapse.logout())
    expect(env.collector.received).toMatchObject([{ detectedBy: 'logout' }])
    await expectConsistentTimes(env.collector.received[0])
  })

  test('a page without a session does not claim to know when the session was last used', async () => {
    const page = await openReportedSession()
    const { at } = await env.readMarker()
    await correctClock()
    await page.evaluate(() => window.lapse.absent())
    expect(env.collector.received).toMatchObject([{ detectedBy: 'login_page', lastAccessAt: Number(at) }])
  })

  test.each([
    { what: 'a confirmed report' },
    { what: 'a Retry-After', fault: { status: 503, headers: { 'Retry-After': '3600' } } },
    { what: 'a 404', fault: { status: 404 } },
  ])('$what does not delay the next report of another page', async ({ fault }) => {
    env.collector.failActivity(fault)
    const page = await openSession()
    await expectReports(1)
    const readState = () =>
      page.evaluate<Record<string, number>>(() => JSON.parse(localStorage['lapse-acme']))
    await expect.poll(readState).toMatchObject(fault ? { failedAt: expect.any(Number) } : { claimedBy: 0 })
    env.collector.failActivity()
    await correctClock()
    await openSession(undefined, await env.context.newPage())
    await env.context.clock.runFor(secondMs)
    await expectReports(2)
    await expectConsistentTimes(readReports()[1])
    await expect.poll(readState).toMatchObject({ confirmedAt: readReports()[1]?.lastAccessAt })
  })

  test.each([
    { end: 'detected', detectedAheadMs: hourMs },
    { end: 'tried again', detectedAheadMs: 0 },
  ])('a report in the outbox that was $end meanwhile is sent within seconds', async ({ detectedAheadMs }) => {
    const page = await openReportedSession()
    const startedAt = Date.now()
    const faults = [{ status: 503 }, { status: 503, headers: { 'Retry-After': '3000' } }]
    env.collector.fail(...faults)
    await env.context.clock.setSystemTime(startedAt + detectedAheadMs)
    await page.evaluate(() => window.lapse.absent())
    await env.context.clock.setSystemTime(startedAt + hourMs)
    await env.context.clock.runFor(10 * secondMs)
    await expect.poll(() => env.collector.received).toHaveLength(2)
    await sleep(300)
    await env.context.clock.setSystemTime(startedAt)
    await env.context.clock.runFor(10 * secondMs)
    await expect.poll(env.collector.rows).toHaveLength(1)
  })
})

describe('A marker whose start alone is ahead of the clock', () => {
  test('is moved by activity, which is reported with a start that is no later', async () => {
    await env.context.clock.install()
    const page = await env.openClient(env.page, options)
    await env.plantMarker({ since: `${Date.now() + hourMs}`, sid: 'a1' }, minuteMs)
    await page.evaluate(() => window.lapse.active({ session: 'a1' }))
    await useLater(page)
    await env.context.clock.runFor(secondMs)
    await expect.poll(readReports).not.toEqual([])
    const { startedAt, lastAccessAt } = readReports()[0] ?? {}
    expect(startedAt).toBeLessThanOrEqual(Number(lastAccessAt))
    expect(Number((await env.readMarker()).at)).toBeGreaterThan(Date.now() - minuteMs / 2)
  })
})
