import { describe, expect } from 'vitest'
import { dayMs, minuteMs, noon, setUpBrowser, test } from '../support/dashboardPage.ts'

const openDashboard = setUpBrowser()

describe('The search', () => {
  test('is part of the URL, survives a reload, and can be edited term by term', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.search('reason:idle_timeout user:u_3')
    await dashboard.expectRowCount(12)
    await dashboard.expectUrlQuery('?search=reason%3Aidle_timeout+user%3Au_3')
    await dashboard.page.reload()
    await dashboard.expectRowCount(12)
    await expect
      .poll(() => dashboard.chips.allInnerTexts())
      .toEqual([expect.stringContaining('reason: idle_timeout'), expect.stringContaining('user: u_3')])
    // Values of one key are alternatives.
    await dashboard.search('user:u_4')
    await dashboard.expectRowCount(24)
    await dashboard.searchField.press('Backspace')
    await expect.poll(() => dashboard.searchField.inputValue()).toBe('user:u_3,u_4')
    await dashboard.search('-user:u_3')
    await dashboard.expectUrlQuery('?search=reason%3Aidle_timeout+-user%3Au_3')
    await dashboard.getButton('Remove -user:u_3').click()
    await dashboard.expectUrlQuery('?search=reason%3Aidle_timeout')
    await dashboard.getButton('Clear').click()
    await dashboard.expectUrlQuery('')
    await dashboard.expectRowCount(50)
    await dashboard.search('user:nobody')
    await dashboard.emptyListMessage.waitFor()
    await dashboard.expectNoAccessibilityViolations()
  })

  test('suggests keys and known values, all by keyboard', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    const { keyboard } = dashboard.page
    await keyboard.press('/')
    await dashboard.page.getByRole('option', { name: 'flag:' }).waitFor()
    await keyboard.type('-rea')
    await keyboard.press('ArrowDown')
    await dashboard.activeSuggestion.filter({ hasText: 'reason:' }).waitFor()
    await keyboard.press('Enter')
    await expect.poll(() => dashboard.searchField.inputValue()).toBe('-reason:')
    await keyboard.type('log')
    await keyboard.press('ArrowDown')
    await dashboard.activeSuggestion.filter({ hasText: 'Logout' }).waitFor()
    await dashboard.expectNoAccessibilityViolations()
    await keyboard.press('Enter')
    await dashboard.expectUrlQuery('?search=-reason%3Alogout')
    await keyboard.type('u_3')
    await dashboard.page.getByRole('option', { name: 'user:u_3' }).waitFor()
    await keyboard.press('Escape')
    expect(await dashboard.page.getByRole('listbox').count()).toBe(0)
    expect(await dashboard.searchField.evaluate((field) => field === document.activeElement)).toBe(false)
    // Text that is not applied yet does not filter.
    await dashboard.expectUrlQuery('?search=-reason%3Alogout')
  })

  test('shows its mistakes beside the field', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.expectRowCount(50)
    await dashboard.search('colour:red')
    await expect
      .poll(() => dashboard.errors.allTextContents())
      .toEqual([expect.stringContaining('invalid term colour:red')])
    expect(await dashboard.searchField.getAttribute('aria-invalid')).toBe('true')
    expect(await dashboard.rows.count()).toBe(50)
    await dashboard.expectUrlQuery('')
    // Only the collector knows the sites.
    await dashboard.search('site:nowhere')
    await expect.poll(() => dashboard.errors.first().textContent()).toContain('nowhere')
    await dashboard.expectNoAccessibilityViolations()
    await dashboard.openUrl(`${collector.url}/?search=reason:bored`)
    await expect.poll(() => dashboard.searchField.inputValue()).toBe('reason:bored')
    await expect.poll(() => dashboard.errors.first().textContent()).toContain('the reason must be one of')
  })

  test('shows markup as text', async ({ collector, token }) => {
    const markup = '<img src=x onerror="throw new Error()">'
    const search = `user:${JSON.stringify(markup)}`
    const dashboard = await openDashboard(`${collector.url}/?${new URLSearchParams({ search })}`)
    await dashboard.signIn(token)
    await expect.poll(() => dashboard.chips.first().textContent()).toContain('<img')
    await dashboard.emptyListMessage.waitFor()
    expect(await dashboard.page.locator('img').count()).toBe(0)
  })

  test('has the filters of links from earlier versions', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=7d&reason=idle_timeout&subject=u_3`)
    await dashboard.signIn(token)
    await dashboard.expectRowCount(12)
    await dashboard.expectUrlQuery('?range=7d&search=reason%3Aidle_timeout+user%3Au_3')
  })
})

describe('The time range', () => {
  test('can be any period, with one request and one history entry', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url, { timezoneId: 'UTC' })
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    const listRequests: string[] = []
    dashboard.page.on('request', (request) => {
      const isPoll = request.headers()['lapse-unattended'] === '1'
      if (!isPoll && /v1\/lapses\?.*limit=50/.test(request.url())) listRequests.push(request.url())
    })
    const countHistoryEntries = () => dashboard.page.evaluate(() => history.length)
    const historyEntriesBefore = await countHistoryEntries()
    const from = new Date(noon - 10 * minuteMs).toISOString()
    await dashboard.openRangeMenu()
    await dashboard.page.getByLabel('From', { exact: true }).fill(from.slice(0, 10))
    await dashboard.page.getByLabel('From, time of day').fill(from.slice(11, 16))
    await dashboard.page.getByLabel('To', { exact: true }).fill(from.slice(0, 10))
    await dashboard.expectNoAccessibilityViolations()
    await dashboard.getButton('Apply').click()
    await dashboard.expectRowCount(12)
    // Without a time, the last day is included.
    const to = new Date(noon + dayMs / 2).toISOString()
    await dashboard.expectUrlQuery(`?${new URLSearchParams({ range: 'custom', from, to })}`)
    expect(listRequests).toEqual([expect.stringContaining(encodeURIComponent(from))])
    expect(await countHistoryEntries()).toBe(historyEntriesBefore + 1)
  })

  test('must end after its start', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.openRangeMenu()
    await dashboard.page.getByLabel('From', { exact: true }).fill('2026-02-02')
    await dashboard.page.getByLabel('To', { exact: true }).fill('2026-02-01')
    await dashboard.getButton('Apply').click()
    await expect
      .poll(() => dashboard.errors.allTextContents())
      .toEqual(['The end must be later than the start.'])
    await dashboard.page.keyboard.press('Escape')
    await dashboard.expectUrlQuery('')
  })

  test('can be a month, in local time or UTC', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url, { timezoneId: 'America/New_York' })
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    await dashboard.openRangeMenu()
    await dashboard.getButton('Previous year').click()
    await dashboard.page.getByRole('region', { name: 'Month' }).getByText('Oct').click()
    const year = new Date().getUTCFullYear() - 1
    await dashboard.expectUrlQuery(
      `?${new URLSearchParams({ range: 'custom', from: `${year}-10-01T04:00:00.000Z`, to: `${year}-11-01T04:00:00.000Z` })}`,
    )
    await dashboard.page.getByRole('button', { name: `Oct ${year}` }).waitFor()
    await dashboard.openUrl(`${collector.url}/?range=yesterday&tz=utc`)
    await dashboard.expectRowCount(50)
    await expect
      .poll(() => dashboard.rows.first().locator('time').first().textContent())
      .toContain('12:01:00')
    await dashboard.getButton('Local').click()
    await expect
      .poll(() => dashboard.rows.first().locator('time').first().textContent())
      .not.toContain('12:01:00')
  })

  test('causes one error message if the URL has an invalid one', async ({ collector, token }) => {
    const dashboard = await openDashboard(
      `${collector.url}/?from=2026-02-01T00:00:00.000Z&to=2026-01-01T00:00:00.000Z`,
    )
    await dashboard.signIn(token)
    await expect
      .poll(() => dashboard.page.locator('main > [role=alert]').allTextContents())
      .toEqual(['To: must be later than “From”.'])
    await dashboard.expectNoAccessibilityViolations()
  })
})

describe('The site', () => {
  test('from the URL is shown even if it is no longer configured', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?site=gone`)
    await dashboard.signIn(token)
    await expect.poll(() => dashboard.siteSelect.inputValue()).toBe('gone')
    await dashboard.siteSelect.selectOption('shop')
    await dashboard.expectRowCount(30)
    await dashboard.expectUrlQuery('?site=shop')
  })
})
