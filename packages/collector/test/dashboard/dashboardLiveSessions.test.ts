import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, issueToken } from '../support/collector.ts'
import {
  type DashboardPage,
  database,
  issueDashboardToken,
  minuteMs,
  setUpBrowser,
  site,
} from '../support/dashboardPage.ts'
import { addHelpers, createActivity, createEnd, type SessionCollector } from '../support/sessionCollector.ts'

const openDashboard = setUpBrowser()

let collector: SessionCollector
let token: string
beforeAll(async () => {
  const started = await createCollector(database, {
    sites: { acme: site, shop: site, bulk: site, quiet: site },
    sweep: { everySeconds: 1 },
  })
  const { token: writeToken } = await issueToken(started.store, { scope: 'write' })
  collector = addHelpers(started, writeToken)
  token = (await issueDashboardToken(collector)).token
})
afterAll(() => collector.end())

const getCard = ({ page }: DashboardPage) => page.getByRole('region', { name: 'Live sessions now' })
const getRows = (dashboard: DashboardPage) => getCard(dashboard).locator('tbody tr')

async function openSignedIn(query: string, options = {}): Promise<DashboardPage> {
  const dashboard = await openDashboard(`${collector.url}/${query}`, options)
  await dashboard.signIn(token)
  return dashboard
}

describe('The live sessions', () => {
  test('are listed with the first to expire at the top, and are counted by site', async () => {
    const now = Date.now()
    const report = { subject: 'u_listed', startedAt: now - 90 * minuteMs }
    await collector.useByServer({ ...report, session: 'later', lastAccessAt: now - 5.5 * minuteMs })
    await collector.useByServer({ ...report, session: 'next', lastAccessAt: now - 15.5 * minuteMs })
    await collector.useByServer({
      ...report,
      session: 'shop',
      site: 'shop',
      lastAccessAt: now - 6 * minuteMs,
    })
    const dashboard = await openSignedIn('?live=1&search=user:u_listed')
    const startedAt = new Date(report.startedAt).toLocaleString('en-GB', {
      timeZone: 'Europe/Vienna',
      timeStyle: 'medium',
    })
    await expect
      .poll(async () => (await getRows(dashboard).allInnerTexts()).map((text) => text.split('\t')))
      .toEqual([
        [
          'u_listed',
          'next',
          'acme',
          expect.stringContaining(startedAt),
          expect.any(String),
          'in 14 min',
          'Server',
        ],
        expect.arrayContaining(['shop', 'in 23 min']),
        expect.arrayContaining(['later', 'in 24 min']),
      ])
    await getCard(dashboard).getByText('3 sessions').waitFor()
    await getCard(dashboard).getByRole('link', { name: 'acme 2' }).click()
    await dashboard.expectUrlQuery('?live=1&search=user%3Au_listed&site=acme')
    await expect.poll(() => getRows(dashboard).count()).toBe(2)
  })

  test.each(['light', 'dark'] as const)(
    'are accessible and fit screens of any width in %s mode',
    async (colorScheme) => {
      const subject = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-with-a-long-suffix'
      await collector.useByServer({ session: 'long', subject, lastAccessAt: Date.now() })
      const dashboard = await openSignedIn(`?live=1&search=user:${subject}`, { colorScheme })
      await getRows(dashboard).first().waitFor()
      await dashboard.expectNoAccessibilityViolations()
      for (const width of [390, 768, 1440]) {
        await dashboard.page.setViewportSize({ width, height: 800 })
        const readPageWidth = () => dashboard.page.evaluate(() => document.documentElement.scrollWidth)
        await expect.poll(readPageWidth).toBe(width)
      }
    },
  )

  test('have an unknown subject and start if no report names them', async () => {
    await collector.useByServer({ site: 'quiet', session: 'anonymous', lastAccessAt: Date.now() })
    const dashboard = await openSignedIn('?live=1&site=quiet')
    await expect
      .poll(async () => (await getRows(dashboard).allInnerTexts()).map((text) => text.split('\t')))
      .toEqual([['unknown', 'anonymous', 'quiet', 'unknown', expect.any(String), 'in 29 min', 'Server']])
  })

  test('appear and disappear without a reload', async () => {
    const activity = createActivity({ subject: 'u_brief' })
    const dashboard = await openSignedIn('?live=1&search=user:u_brief')
    await getCard(dashboard).getByText('No live sessions match the filters.').waitFor()
    expect(await collector.use(activity)).toBe(204)
    await expect.poll(() => getRows(dashboard).count()).toBe(1)
    await collector.endSession(createEnd(activity, { report: true, detectedBy: 'logout' }))
    await expect.poll(() => getRows(dashboard).count()).toBe(0)
  })

  test('count down between two requests, and are listed as expired until the sweep records them', async () => {
    const lastAccessAt = Date.now() - 30 * minuteMs + 15_000
    await collector.use(createActivity({ subject: 'u_expiring', lastAccessAt, heartbeatSeconds: 600 }))
    const dashboard = await openSignedIn('?live=1&search=user:u_expiring')
    const countdown = getRows(dashboard).locator('.countdown')
    await countdown.waitFor()
    await dashboard.page.route(/v1\/sessions/, () => {})
    await expect.poll(() => countdown.textContent()).toMatch(/^in \d+ s$/)
    await expect.poll(() => countdown.textContent(), { timeout: 30_000 }).toMatch(/^expired \d+ s ago$/)
  })

  test('expire by the clock of the collector, even if that of the browser is wrong', async () => {
    await collector.useByServer({ session: 'clock', subject: 'u_clock', lastAccessAt: Date.now() })
    const dashboard = await openDashboard(`${collector.url}/?live=1&search=user:u_clock`)
    await dashboard.page.clock.install({ time: Date.now() + 60 * minuteMs })
    await dashboard.signIn(token)
    await expect
      .poll(() => getRows(dashboard).locator('.countdown').textContent())
      .toMatch(/^in (29|30) min$/)
  })

  test('are shown as text, never as markup', async () => {
    const markup = '<img src=x onerror="throw new Error()">'
    await collector.use(createActivity({ subject: markup, session: `${markup}${markup}` }))
    const dashboard = await openSignedIn(
      `?${new URLSearchParams({ live: '1', search: `user:${JSON.stringify(markup)}` })}`,
    )
    await expect.poll(() => getRows(dashboard).locator('td').first().textContent()).toBe(markup)
    expect(await dashboard.page.locator('img').count()).toBe(0)
  })

  test('are counted even if there are more than the page shows', async () => {
    const reports = Array.from({ length: 130 }, (_, index) => ({
      site: 'bulk',
      session: `bulk-${index}`,
      subject: 'u_bulk',
      lastAccessAt: Date.now() - index,
    }))
    const headers = { Authorization: `Bearer ${collector.token}`, 'Content-Type': 'application/json' }
    expect((await collector.postActivity(reports, headers)).status).toBe(200)
    const dashboard = await openSignedIn('?live=1&site=bulk')
    const headline = getCard(dashboard).locator('.headline')
    // Counting takes its time, so the collector counts from time to time.
    await expect.poll(() => headline.textContent(), { timeout: 30_000 }).toBe('About 130 sessions')
    expect(await getRows(dashboard).count()).toBe(100)
    await dashboard.getButton('Show more').click()
    await expect.poll(() => headline.textContent()).toBe('130 sessions')
    expect(await getRows(dashboard).count()).toBe(130)

    await dashboard.openUrl(`${collector.url}/?live=1&site=bulk&search=user:u_bulk`)
    await expect.poll(() => headline.textContent()).toBe('More than 100 sessions')
  })
})

describe('The card of live sessions', () => {
  test('says how to turn on live sessions if there are none', async () => {
    const empty = await createCollector(database, { sites: { acme: site } })
    try {
      const dashboard = await openDashboard(`${empty.url}/?live=1`)
      await dashboard.signIn((await issueDashboardToken(empty)).token)
      await getCard(dashboard).getByText('data-heartbeat-seconds').waitFor()
      await dashboard.expectNoAccessibilityViolations()
    } finally {
      await empty.end()
    }
  })

  test('says which filters do not apply to it', async () => {
    const dashboard = await openSignedIn('?live=1&search=reason:logout+session:alias-1')
    await getCard(dashboard).getByText('not filtered by reason, session').waitFor()
  })

  test('says how old it is while nothing is polled', async () => {
    const dashboard = await openSignedIn('?live=1')
    await getCard(dashboard).locator('.headline').waitFor()
    const age = getCard(dashboard).getByText(/as of \d\d:\d\d:\d\d/)
    expect(await age.count()).toBe(0)
    await dashboard.getButton('Live').click()
    await age.waitFor()
  })

  test('shows an error that the list of session ends does not have, and can retry', async () => {
    const dashboard = await openDashboard(`${collector.url}/?live=1`)
    await dashboard.page.route(/v1\/sessions/, (route) =>
      route.fulfill({ status: 503, json: { detail: 'Come back later.' } }),
    )
    await dashboard.signIn(token)
    await dashboard.errors.getByText('Come back later.').waitFor()
    await dashboard.page.unroute(/v1\/sessions/)
    await getCard(dashboard).getByRole('button', { name: 'Try again' }).click()
    await getRows(dashboard).first().waitFor()
  })
})
