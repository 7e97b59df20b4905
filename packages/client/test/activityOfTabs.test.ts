import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'
import { hidePage, intervalMs, minuteMs, options, secondMs, useLiveSession } from './liveSession.ts'

const env = useEnvironment()
const { openSession, openReportedSession, expectReports, readReports, useLater } = useLiveSession(env)

describe('A page', () => {
  test('sends one report per interval in an hour of work, and none in an idle hour', async () => {
    await openReportedSession()
    for (let step = 0; step < 240; step++) {
      await useLater(env.page, 15 * secondMs)
      // The answers arrive in real time.
      await sleep(5)
    }
    await env.context.clock.runFor(intervalMs)
    await sleep(300)
    const count = readReports().length
    // One at the start, one per interval, and one for the activity since the last of these.
    expect(count).toBeGreaterThanOrEqual(12)
    expect(count).toBeLessThanOrEqual(14)
    for (let step = 0; step < 60; step++) await env.context.clock.runFor(minuteMs)
    await expectReports(count)
  })
})

describe('Ten tabs', () => {
  test('send one report per interval together', async () => {
    // A real clock, because tabs need real time to learn what the others do.
    const shortIntervalMs = 4 * secondMs
    const intervals = 6
    const pages: Page[] = []
    while (pages.length < 10) pages.push(await env.context.newPage())
    const shortOptions = { ...options, heartbeatSeconds: shortIntervalMs / secondMs }
    await Promise.all(pages.map((page) => env.openClient(page, shortOptions)))
    const startedAt = Date.now()
    for (const page of pages) {
      await page.evaluate(() => {
        window.lapse.active({ session: 'a1' })
        setInterval(() => window.lapse.touch(), 100)
      })
    }
    await sleep(intervals * shortIntervalMs)
    const count = readReports().length
    const elapsedIntervals = (Date.now() - startedAt) / shortIntervalMs
    expect(count).toBeGreaterThanOrEqual(intervals / 1.2)
    // On a busy machine, a tab may learn of another one's report too late. If tabs did not share, there would be 60.
    expect(count).toBeLessThanOrEqual(elapsedIntervals * 2)
  })
})

describe('Another tab', () => {
  const openTab = async () => openSession(undefined, await env.context.newPage())

  test('reports activity of a tab that has been closed', async () => {
    const page = await openReportedSession()
    await openTab()
    await useLater(page, 5 * secondMs)
    // As if the tab were frozen, discarded or killed: it does not even say that it is hidden.
    await page.evaluate(() => window.lapse.stop())
    // Nobody uses the other tab.
    await env.context.clock.runFor(intervalMs + secondMs)
    await expectReports(2)
    const [first, second] = readReports()
    expect(second?.lastAccessAt).toBe(Number((await env.readMarker()).at))
    expect(Number(second?.lastAccessAt) - Number(first?.lastAccessAt)).toBeGreaterThanOrEqual(5 * secondMs)
  })

  test('reports what another one has not reported when it is hidden', async () => {
    const page = await openReportedSession()
    const other = await openTab()
    await useLater(page, 5 * secondMs)
    await page.evaluate(() => window.lapse.stop())
    await hidePage(other)
    await expectReports(2)
    expect(readReports()[1]?.lastAccessAt).toBe(Number((await env.readMarker()).at))
  })
})

describe('After a logout,', () => {
  test('no tab reports activity of that session, and every tab reports the next session', async () => {
    const page = await openReportedSession()
    const other = await openSession(undefined, await env.context.newPage())
    await useLater(other)
    await page.evaluate(() => window.lapse.logout())
    expect(env.collector.received).toMatchObject([{ detectedBy: 'logout', session: 'a1' }])
    for (const tab of [page, other]) {
      await useLater(tab, intervalMs)
      await tab.evaluate(() => window.lapse.active({ session: 'a1' }))
      await hidePage(tab)
    }
    await expectReports(1)
    await page.evaluate(() => window.lapse.active({ session: 'a2' }))
    await env.context.clock.runFor(secondMs)
    await expectReports(2)
    await useLater(other, intervalMs)
    await hidePage(other)
    await expectReports(3)
    expect(readReports().map(({ session }) => session)).toEqual(['a1', 'a2', 'a2'])
  })

  test('a page that is loaded later reports the same session, because its user may have stayed', async () => {
    const page = await openReportedSession()
    env.collector.failActivity({ status: 204, body: '', afterMs: 500 })
    await useLater(page, intervalMs)
    await expect.poll(readReports).toHaveLength(2)
    await page.evaluate(() => window.lapse.logout())
    // The answer to the report that was sent before the logout changes nothing.
    await sleep(600)
    await env.context.clock.runFor(intervalMs)
    await openSession(undefined, await env.context.newPage())
    await env.context.clock.runFor(intervalMs)
    await expectReports(3)
    expect(readReports()[2]?.lastAccessAt).toBe(Number((await env.readMarker()).at))
  })

  test('a report that has not been sent yet is not sent any more', async () => {
    const page = await env.openClient(env.page, options)
    await page.evaluate(() => {
      window.lapse.active({ session: 'a1' })
      window.lapse.logout()
    })
    await expectReports(0)
  })
})

describe('After the end of a session,', () => {
  test('no tab reports its activity', async () => {
    const page = await openReportedSession()
    const other = await openSession(undefined, await env.context.newPage())
    await useLater(other)
    await page.evaluate(() => window.lapse.absent())
    for (const tab of [page, other]) {
      await useLater(tab, intervalMs)
      await hidePage(tab)
    }
    await expectReports(1)
  })
})
