import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector } from '../support/collector.ts'
import {
  type DashboardPage,
  database,
  dayMs,
  issueDashboardToken,
  minuteMs,
  noon,
  setUpBrowser,
  site,
} from '../support/dashboardPage.ts'
import { createLiveRow } from '../support/liveRows.ts'
import { insertRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()

/** Values that hosts and browsers may send, or that someone wrote into the table. */
const hostileValues = {
  markup: '<img src=x onerror="document.title=1">',
  script: '</script><script>document.title=1</script>',
  reversed: 'u_\u202egpj.exe',
  long: 'x'.repeat(255),
  syntax: 'a "b", c:* \\',
}
const userNames = ['u_1', 'u_2', 'u_3']

let collector: InProcessCollector
let token: string
beforeAll(async () => {
  collector = await createCollector(database, { sites: { acme: site, shop: site } }, async (sql) => {
    const usual = Array.from({ length: 30 }, (_, index) => ({
      session: `usual-${index}`,
      subject: userNames[index % 3] ?? null,
      site: index % 2 ? 'acme' : 'shop',
      reason: index % 5 ? 'idle_timeout' : 'logout',
      detected_at: noon - index * 20 * minuteMs,
      elapsed_ms: (40 + index) * minuteMs,
      clock_skew_ms: index === 4 ? 90_000 : 0,
    }))
    const hostile = Object.entries(hostileValues).map(([name, value]) => ({
      session: `hostile-${name}`,
      session_key: name,
      subject: value,
      user_agent: value,
      origin: value,
      detected_at: noon - 10 * dayMs,
    }))
    await insertRows(sql, [...usual, ...hostile])
    await sql('session_live').insert(createLiveRow(sql, { subject: 'u_1', due_ms: 60 * minuteMs }))
  })
  token = (await issueDashboardToken(collector)).token
})
afterAll(() => collector.end())

async function signIn(query = '', viewport = { width: 1280, height: 800 }): Promise<DashboardPage> {
  const dashboard = await openDashboard(`${collector.url}/${query}`, { viewport })
  await dashboard.signIn(token)
  return dashboard
}

const readParameter = (dashboard: DashboardPage, name: string) =>
  new URL(dashboard.page.url()).searchParams.get(name)

describe('The rows', () => {
  test('are counted and sorted by the columns whose headers are clicked', async () => {
    const dashboard = await signIn('?range=7d')
    await dashboard.page.locator('.row-count', { hasText: '30 rows' }).waitFor()
    await dashboard.getLink('Idle for').click()
    const header = dashboard.page.getByRole('columnheader', { name: 'Idle for' })
    await expect.poll(() => header.getAttribute('aria-sort')).toBe('descending')
    await expect.poll(() => dashboard.rows.first().textContent()).toContain('1 h 9 min')
    await dashboard.getLink('Idle for').click()
    await expect.poll(() => header.getAttribute('aria-sort')).toBe('ascending')
    await expect.poll(() => dashboard.rows.first().textContent()).toContain('40 min')
    await dashboard.expectUrlQuery('?range=7d&sort=elapsedMs')
  })

  test('are filtered by a value with a click, and exclude it with the Alt key or from the menu', async () => {
    const dashboard = await signIn('?range=7d')
    const { page } = dashboard
    await dashboard.getLink('u_2').first().click()
    await dashboard.expectRowCount(10)
    await dashboard.rows
      .first()
      .getByRole('link', { name: 'Idle timeout' })
      .click({ modifiers: ['Alt'] })
    await dashboard.expectRowCount(2)
    expect(readParameter(dashboard, 'search')).toBe('user:u_2 -reason:idle_timeout')

    await dashboard.openUrl(`${collector.url}/?range=7d`)
    await dashboard.expectRowCount(30)
    // The keyboard does the same.
    const menuButton = dashboard.rows.first().getByRole('button')
    await menuButton.focus()
    await page.keyboard.press('Enter')
    const menu = page.getByRole('dialog', { name: 'Values of row' })
    await menu.waitFor()
    await dashboard.expectNoAccessibilityViolations()
    await page.keyboard.press('Escape')
    await menu.waitFor({ state: 'detached' })
    await expect.poll(() => menuButton.evaluate((button) => button === document.activeElement)).toBe(true)
    await page.keyboard.press('Enter')
    await menu.getByRole('link', { name: 'Exclude site shop' }).focus()
    await page.keyboard.press('Enter')
    await dashboard.expectRowCount(15)
    expect(readParameter(dashboard, 'search')).toBe('-site:shop')
  })

  test('with hostile values are shown as text, fit a phone, and can be filtered by', async () => {
    const dashboard = await signIn('?range=30d&search=session:hostile-*', { width: 390, height: 844 })
    const { page } = dashboard
    await dashboard.expectRowCount(5)
    expect(await page.locator('main').textContent()).toContain('u_\\u202egpj.exe')
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await dashboard.expectNoAccessibilityViolations()
    const { markup, script, long, syntax } = hostileValues
    for (const value of [markup, script, long, syntax]) {
      await dashboard.rows.locator('.identifiers').getByRole('link', { name: value, exact: true }).click()
      await dashboard.expectRowCount(1)
      await page.goBack()
      await dashboard.expectRowCount(5)
    }
    await dashboard.rows.filter({ hasText: script }).locator('.detected a').click()
    await expect.poll(() => dashboard.dialog.textContent()).toContain(script)
    expect(await page.title()).toBe('Lapse')
  })

  test('that are missing are explained with the filters and the last row of the site', async () => {
    const dashboard = await signIn('?range=1h&site=shop&search=reason:logout')
    const message = dashboard.page.locator('.session-end-list .empty-state')
    await expect.poll(() => message.textContent()).toContain('site:shop reason:logout')
    expect(await message.textContent()).toContain('The last ended session of shop was detected')
    await message.getByRole('link', { name: 'Show that day' }).click()
    await dashboard.waitForRows()
  })
})

describe('The history of a user', () => {
  test('lists live and ended sessions of all sites, and links to the rows', async () => {
    const dashboard = await signIn()
    const { page } = dashboard
    await dashboard.rows.first().getByRole('button').click()
    await dashboard.getLink('History of this user').click()
    await dashboard.waitForDialog('History of u_1')
    const sessions = dashboard.dialog.locator('.history li')
    await expect.poll(() => sessions.count()).toBe(11)
    await expect.poll(() => sessions.filter({ hasText: 'Live' }).count()).toBe(1)
    await dashboard.expectNoAccessibilityViolations()
    await sessions.getByRole('link').first().click()
    await page.locator('.timeline').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.timeline').waitFor({ state: 'detached' })
    await dashboard.waitForDialog('History of u_1')
    await page.keyboard.press('Escape')
    await dashboard.expectNoDialog()
    await dashboard.expectUrlQuery('')
  })
})

describe('The tabs', () => {
  test('work with the keyboard, request their data when they open, and filter', async () => {
    const dashboard = await signIn('?range=7d')
    const { page } = dashboard
    const requests: string[] = []
    page.on('request', (request) => void requests.push(request.url()))
    const panel = page.getByRole('tabpanel')
    await panel.getByRole('link', { name: 'u_2', exact: true }).waitFor()
    expect(requests.filter((url) => url.includes('flags='))).toEqual([])

    await page.getByRole('tab', { name: 'Top users' }).focus()
    await page.keyboard.press('ArrowRight')
    await panel.getByText('would have kept').waitFor()
    await panel.getByRole('combobox', { name: 'Site' }).selectOption('acme')
    const slider = panel.getByRole('slider')
    const sentence = await panel.getByRole('status').textContent()
    await slider.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => panel.getByRole('status').textContent()).not.toBe(sentence)
    expect(await slider.getAttribute('aria-valuetext')).toBe(await panel.getByRole('status').textContent())
    await dashboard.expectNoAccessibilityViolations()

    await page.getByRole('tab', { selected: true }).focus()
    await page.keyboard.press('End')
    const skew = panel.getByRole('link', { name: '1 Clock skew' })
    await skew.waitFor()
    await dashboard.expectNoAccessibilityViolations()
    await skew.click()
    await dashboard.expectRowCount(1)
    expect(readParameter(dashboard, 'search')).toBe('flag:skew')
  })
})

describe('The chart', () => {
  test('zooms in on a day with Enter, a click or its table, and out with Escape', async () => {
    const dashboard = await signIn()
    const { page } = dashboard
    await dashboard.waitForChart()
    await dashboard.chart.focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Enter')
    await page.locator('.ended-sessions-card', { hasText: 'by hour' }).waitFor()
    const readPeriodMs = () =>
      Date.parse(readParameter(dashboard, 'to') ?? '') - Date.parse(readParameter(dashboard, 'from') ?? '')
    expect(readPeriodMs()).toBe(dayMs)
    await dashboard.chart.focus()
    await page.keyboard.press('Escape')
    await page.locator('.ended-sessions-card', { hasText: 'by day' }).waitFor()
    await dashboard.expectUrlQuery('')

    await dashboard.chart.locator('.u-over').click({ position: { x: 200, y: 20 } })
    await page.locator('.ended-sessions-card', { hasText: 'by hour' }).waitFor()
    await dashboard.getButton('Zoom out').click()
    await page.locator('.ended-sessions-card', { hasText: 'by day' }).waitFor()
    await dashboard.getButton('Show as table').click()
    const table = page.getByRole('region', { name: 'Chart data' })
    expect((await table.boundingBox())?.height).toBeGreaterThan(200)
    await table.getByRole('button').nth(3).click()
    await page.locator('.ended-sessions-card', { hasText: 'by hour' }).waitFor()
    expect(readPeriodMs()).toBe(dayMs)
  })
})
