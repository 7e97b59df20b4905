import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { useEnvironment } from './environment.ts'
import {
  heartbeatSeconds,
  hidePage,
  intervalMs,
  minuteMs,
  options,
  secondMs,
  useLiveSession,
} from './liveSession.ts'

const env = useEnvironment()

const { openSession, openReportedSession, expectReports, readReports, useLater } = useLiveSession(env)

describe('An activity report', () => {
  test('is sent at once when a session starts, and says whose session was used and when', async () => {
    const ticket = 'e30.e30.c2ln'
    const page = await openSession({ session: 42, subject: 'u_1', ticket })
    await expectReports(1)
    const marker = await env.readMarker()
    const [report] = readReports()
    expect(report).toEqual({
      site: 'acme',
      marker: marker.id,
      session: '42',
      subject: 'u_1',
      ticket,
      startedAt: Number(marker.since),
      lastAccessAt: Number(marker.at),
      sentAt: report?.sentAt,
      heartbeatSeconds,
      client: manifest.version,
    })
    expect(Number(report?.sentAt) - Number(marker.at)).toBeLessThan(5 * secondMs)
    expect(env.collector.contentTypes).toEqual(['text/plain;charset=UTF-8'])
    expect(await page.evaluate(() => window.errors)).toEqual([])
  })

  test('is not sent without the option, or with 0', async () => {
    for (const heartbeatSeconds of [undefined, 0]) {
      const page = await env.openClient(env.page, { ...options, heartbeatSeconds })
      await page.evaluate(() => window.lapse.active())
      await hidePage(page)
      await page.evaluate(() => window.lapse.logout())
      expect(await page.evaluate(() => localStorage['lapse-acme'])).toBeUndefined()
    }
    await expectReports(0)
  })

  test('follows further activity after the interval, and says when the session was last used', async () => {
    const page = await openReportedSession()
    await useLater(page)
    await useLater(page)
    await expectReports(1)
    await page.clock.runFor(intervalMs)
    await expectReports(2)
    expect(readReports()[1]?.lastAccessAt).toBe(Number((await env.readMarker()).at))
  })

  test('follows a successful request, the first one after a pause within a second', async () => {
    const page = await openReportedSession()
    await page.clock.runFor(intervalMs)
    await page.evaluate(() => fetch('/api/200').then((response) => response.text()))
    await expectReports(2)
  })

  test('is not sent by a page that nobody uses', async () => {
    const page = await openReportedSession()
    await page.clock.runFor(60 * minuteMs)
    await hidePage(page)
    await expectReports(1)
  })

  test('is not sent by a page that has not stated that there is a session', async () => {
    await env.plantMarker({ sid: 'a1' })
    const page = await env.openClient(env.page, options)
    await hidePage(page)
    await expectReports(0)
  })

  test('is sent again when the alias becomes known', async () => {
    const page = await openReportedSession({})
    await page.evaluate(() => window.lapse.active({ session: 'a1' }))
    await expectReports(2)
    const [first, second] = readReports()
    expect(second).toMatchObject({ marker: first?.marker, session: 'a1' })
  })

  test('is not sent twice when the page states twice at once that there is a session', async () => {
    const page = await openSession()
    await page.evaluate(() => {
      window.lapse.active({ session: 'a1' })
      window.lapse.touch()
      window.lapse.active({ session: 'a1' })
    })
    await expectReports(1)
  })

  test('is sent by the next client of a page that stops the first one at once', async () => {
    const page = await openSession()
    await page.evaluate(
      ({ collector, options }) => {
        window.lapse.stop()
        window.Lapse.createLapse({ site: 'acme', collector, ...options }).active({ session: 'a1' })
      },
      { collector: env.collector.url, options },
    )
    await expectReports(1)
  })

  test('is not sent after stop()', async () => {
    const page = await openReportedSession()
    await useLater(page)
    await page.evaluate(() => window.lapse.stop())
    await page.clock.runFor(intervalMs)
    await hidePage(page)
    await expectReports(1)
  })
})

describe('When the page is hidden, an activity report', () => {
  test('is sent at once, with the last activity', async () => {
    const page = await openReportedSession()
    await useLater(page, 5 * secondMs)
    await hidePage(page)
    await expectReports(2)
    expect(readReports()[1]?.lastAccessAt).toBe(Number((await env.readMarker()).at))
  })

  test('is not sent if nobody has used the session since the last one', async () => {
    const page = await openReportedSession()
    await hidePage(page)
    await useLater(page, 5 * secondMs)
    await hidePage(page)
    await page.clock.runFor(intervalMs)
    await hidePage(page)
    await expectReports(2)
  })

  test('is sent at most once in a quarter of the interval', async () => {
    const page = await openReportedSession()
    for (let count = 0; count < 14; count++) {
      await useLater(page, 10 * secondMs)
      await hidePage(page)
      await sleep(50)
    }
    // The first one after 10 seconds, the second one 80 seconds later.
    await expectReports(3)
  })

  test('is not sent by a page that is opened in the background', async () => {
    await openReportedSession()
    const other = await env.context.newPage()
    await other.addInitScript(() => {
      Object.defineProperty(document, 'hidden', { value: true })
    })
    const attributes = 'data-state="active" data-session="a1" data-idle-timeout-seconds="1800"'
    env.serve('/app', `${attributes} data-heartbeat-seconds="300"`)
    await env.context.clock.runFor(10 * secondMs)
    await other.goto(`${env.site.url}/app`)
    await expectReports(1)
  })

  test('is sent at the start of a session if the user leaves the page at once', async () => {
    const page = await env.openClient(env.page, options)
    await page.evaluate(() => {
      window.lapse.active()
      location.href = '/'
    })
    await page.waitForURL('**/')
    await expectReports(1)
  })
})

describe('A tag', () => {
  test.each([
    { value: '""', seconds: 225 },
    { value: '60', seconds: 60 },
  ])('with data-heartbeat-seconds=$value reports activity every $seconds s', async ({ value, seconds }) => {
    const attributes = `data-state="active" data-session="a1" data-idle-timeout-seconds="900"`
    env.serve('/app', `${attributes} data-heartbeat-seconds=${value}`)
    await env.goto('/app')
    await expectReports(1)
    expect(readReports()).toMatchObject([{ session: 'a1', heartbeatSeconds: seconds }])
  })

  test('without data-heartbeat-seconds reports no activity', async () => {
    env.serve('/app', 'data-state="active" data-idle-timeout-seconds="900"')
    await env.goto('/app')
    await expectReports(0)
  })
})
