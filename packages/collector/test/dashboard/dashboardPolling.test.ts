import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { dayMs, noon, setUpBrowser, test } from '../support/dashboardPage.ts'
import { insertRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()
const pollIntervalMs = 5000
const pollsPerSummary = 3
const hourMs = 3_600_000

/** Collects the paths of all further requests. */
function recordRequestPaths(page: Page): string[] {
  const paths: string[] = []
  page.on('request', (request) => void paths.push(new URL(request.url()).pathname))
  return paths
}

/** Reads the start of the period that a URL of the API asks for, in epoch milliseconds. */
const readPeriodStart = (url: string) => Date.parse(new URL(url).searchParams.get('from') ?? '')

describe('The dashboard', () => {
  test('shows new rows without a reload', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?search=session:alias-new`)
    await dashboard.signIn(token)
    await dashboard.emptyListMessage.waitFor()
    await insertRows(collector.database.sql, [{ session: 'alias-new', detected_at: noon - 40 * dayMs }])
    await dashboard.openUrl(`${collector.url}/?search=session:alias-new&range=90d`)
    await dashboard.waitForRows()
    // A report that waited in a browser's outbox adds a row that is older than those that are shown.
    await insertRows(collector.database.sql, [
      { session: 'alias-new', session_key: 'late', detected_at: noon - 60 * dayMs },
    ])
    await dashboard.expectRowCount(2)
    await expect.poll(() => dashboard.sessionCount.textContent(), { timeout: 25_000 }).toBe('2 sessions')
    await collector.database.sql('session_audit').where({ session: 'alias-new' }).delete()
  })

  test('keeps text that is being typed when it polls for new rows', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.searchField.pressSequentially('user:u_1')
    // When the second response arrives, the first one has been rendered.
    for (const _ of [1, 2]) {
      await dashboard.page.waitForResponse((response) => response.url().includes('v1/lapses?'))
    }
    expect(await dashboard.searchField.inputValue()).toBe('user:u_1')
    await dashboard.searchField.press('Enter')
    await dashboard.expectRowCount(12)
  })

  test('requests everything once when it opens', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    const urls: string[] = []
    dashboard.page.on('request', (request) => void urls.push(request.url()))
    const startedAt = performance.now()
    await dashboard.signIn(token)
    await dashboard.waitForChart()
    await dashboard.waitForRows()
    // On a slow machine, polls are due while the page is still loading.
    const polls = Math.floor((performance.now() - startedAt) / pollIntervalMs)
    const countRequests = (pattern: RegExp) => urls.filter((url) => pattern.test(url)).length
    for (const pattern of [/v1\/lapses\?.*limit=50/, /v1\/lapses\?.*count=true/, /v1\/sites/, /v1\/alarms/])
      expect(countRequests(pattern), String(pattern)).toBeLessThanOrEqual(1 + polls)
    // The chart and the open tab have a summary each.
    expect(countRequests(/v1\/summary/)).toBeLessThanOrEqual(2 + (2 * polls) / pollsPerSummary)
    expect(countRequests(/v1\/sessions/)).toBe(0)
  })

  test('moves its period with the clock, in requests that do not extend the session', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=7d`)
    await dashboard.page.clock.install()
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    // An hour less than the six that pass, because the page's clock may be slow.
    const minPeriodStart = Date.now() - 7 * dayMs + 5 * hourMs
    const [request] = await Promise.all([
      dashboard.page.waitForRequest(
        (request) => request.url().includes('v1/lapses?') && readPeriodStart(request.url()) > minPeriodStart,
      ),
      dashboard.page.clock.fastForward('06:00:00'),
    ])
    expect(request.headers()['lapse-unattended']).toBe('1')
    const exportHref = await dashboard.getLink('Export CSV').getAttribute('href')
    expect(readPeriodStart(`${collector.url}/${exportHref}`)).toBeGreaterThan(minPeriodStart)
  })

  test('does not poll on a later page', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=30d`)
    await dashboard.page.clock.install()
    await dashboard.signIn(token)
    await dashboard.getLink('Older').click()
    await dashboard.expectRowCount(11)
    const paths = recordRequestPaths(dashboard.page)
    await dashboard.page.clock.fastForward('01:00:00')
    await dashboard.page.clock.fastForward('00:10')
    expect(paths.filter((path) => path.startsWith('/v1/'))).toEqual([])
  })

  test('gives up on a request without a response, and polls again', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.page.clock.install()
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.page.route(/v1\/lapses/, () => {})
    const pending = dashboard.page.waitForRequest(/v1\/lapses/)
    await dashboard.page.clock.fastForward('00:06')
    await pending
    await dashboard.page.clock.fastForward('00:41')
    await dashboard.getButton('Live: update failed').waitFor()
    await dashboard.page.unroute(/v1\/lapses/)
    await dashboard.page.clock.fastForward('00:06')
    await dashboard.getButton('Live').waitFor()
  })

  test('shows an error while the collector is unreachable, and can retry', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.page.context().setOffline(true)
    await dashboard.search('user:u_1')
    await expect
      .poll(() => dashboard.errors.allTextContents())
      .toEqual([expect.stringContaining('Cannot reach the collector.')])
    await dashboard.getButton('Live: update failed').waitFor()
    await dashboard.page.context().setOffline(false)
    await dashboard.errors.getByRole('button', { name: 'Try again' }).click()
    await dashboard.expectRowCount(12)
    await dashboard.getButton('Live').waitFor()
  })

  test('counts a retry of the summary as user activity', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.getLink('Older').click()
    await dashboard.expectRowCount(11)
    await dashboard.page.route(/v1\/summary/, (route) =>
      route.fulfill({ status: 503, json: { detail: 'Come back later.' } }),
    )
    await dashboard.page.reload()
    await expect
      .poll(() => dashboard.errors.allTextContents())
      .toEqual([expect.stringContaining('Come back later.')])
    await dashboard.page.unroute(/v1\/summary/)
    const [request] = await Promise.all([
      dashboard.page.waitForRequest(/v1\/summary/),
      dashboard.errors.getByRole('button', { name: 'Try again' }).click(),
    ])
    expect(request.headers()['lapse-unattended']).toBeUndefined()
    await dashboard.waitForChart()
  })

  test('can retry the request for the details of a session end', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.page.route(/v1\/lapses\/\d/, (route) => route.abort())
    await dashboard.rows.last().click()
    const retry = dashboard.dialog.getByRole('button', { name: 'Try again' })
    await retry.waitFor()
    await dashboard.page.unroute(/v1\/lapses\/\d/)
    await retry.click()
    await dashboard.dialog.getByText('limit 30 min').first().waitFor()
  })
})
