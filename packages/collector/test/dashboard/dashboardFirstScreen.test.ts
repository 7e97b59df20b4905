import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Collector, openStore, parseConfig } from '../../src/index.ts'
import { createConfig, environment, issueToken, origin } from '../support/collector.ts'
import { type DashboardPage, database, setUpBrowser } from '../support/dashboardPage.ts'
import { insertQuestionRows, questionSites } from '../support/questionRows.ts'
import { createReplicas, type Replicas } from '../support/replicas.ts'
import { selectCurrentRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()

let replicas: Replicas
let collector: Collector
let token: { readonly id: string; readonly token: string }
beforeAll(async () => {
  const sites = questionSites.map(({ name, limitMinutes }) => {
    return [name, { origins: [origin], idleTimeoutSeconds: limitMinutes * 60 }]
  })
  replicas = await createReplicas(database, { sites: Object.fromEntries(sites) })
  const config = parseConfig(createConfig(replicas.database.url), environment)
  const store = openStore(config.database, config.table)
  token = await issueToken(store, { name: 'auditors' })
  await store.close()
  // The collector reads the state of the sites when it starts, so the rows come first.
  await insertQuestionRows(replicas.database.sql, Date.now())
  collector = await replicas.start()
})
afterAll(() => replicas.end())

async function openSignedIn(query: string, options = {}): Promise<DashboardPage> {
  const dashboard = await openDashboard(`${collector.url}/${query}`, options)
  await dashboard.signIn(token.token)
  await dashboard.waitForRows()
  await dashboard.waitForChart()
  return dashboard
}

async function countRows(site: string, conditions: Readonly<Record<string, string>> = {}): Promise<string> {
  const [row] = await selectCurrentRows(replicas.database.sql)
    .where({ 'a.site': site, ...conditions })
    .count({ count: '*' })
  return Number(row?.count).toLocaleString('en-GB')
}

async function readTop(element: Locator): Promise<number> {
  return (await element.first().boundingBox())?.y ?? Number.NaN
}

const maxSteps = 150

/** Tabs through the page and describes what gets the focus, until `isLast`. */
async function walkWithKeyboard({ page }: DashboardPage, last: string): Promise<string[]> {
  const names: string[] = []
  while (names.at(-1) !== last && names.length < maxSteps) {
    await page.keyboard.press('Tab')
    names.push(
      await page.evaluate(() => {
        const element = document.activeElement
        if (!element) return 'nothing'
        const isVisible = (style: CSSStyleDeclaration) =>
          style.outlineStyle !== 'none' || style.boxShadow !== 'none'
        const box = element.closest('.search-box')
        const isMarked = isVisible(getComputedStyle(element)) || (box && isVisible(getComputedStyle(box)))
        const name = element.getAttribute('aria-label') ?? element.textContent
        return `${name}${isMarked ? '' : ' (not marked)'}`
      }),
    )
  }
  return names
}

describe('The first screen', () => {
  test('shows sites, figures and the chart above the rows, which begin at 460 pixels', async () => {
    const dashboard = await openSignedIn('', { viewport: { width: 1280, height: 800 } })
    const { page } = dashboard
    const tops = await Promise.all(
      ['.top-bar', '.site-strip', '.figures', '.overview', '.session-end-list', '.live-sessions'].map(
        (selector) => readTop(page.locator(selector)),
      ),
    )
    expect(tops).toEqual(tops.toSorted((a, b) => a - b))
    expect(tops[4]).toBeLessThan(465)
    // The bar stays when the page is scrolled.
    await page.mouse.wheel(0, 600)
    await expect.poll(() => readTop(page.locator('.session-end-list'))).toBeLessThan(0)
    expect(await readTop(page.locator('.top-bar'))).toBe(0)
  })

  test('shows sites, search and rows first on a phone', async () => {
    const dashboard = await openSignedIn('', { viewport: { width: 390, height: 844 } })
    const { page } = dashboard
    const tops = await Promise.all(
      ['.top-bar', '.site-strip', '.search', '.session-end-list', '.figures', '.overview'].map((selector) =>
        readTop(page.locator(selector)),
      ),
    )
    expect(tops).toEqual(tops.toSorted((a, b) => a - b))
    expect(tops[3]).toBeLessThan(260)
  })

  test('says in words that a site is silent, and filters by a site', async () => {
    const dashboard = await openSignedIn('?range=year')
    const cards = dashboard.page.locator('a.site-card')
    const portal = cards.filter({ hasText: 'portal' })
    await expect.poll(() => portal.textContent()).toMatch(/Silent for 9 d/)
    // What needs attention comes first.
    expect(await cards.first().textContent()).toContain('portal')
    expect(await cards.filter({ hasText: 'shop' }).textContent()).toMatch(
      /Last row .* ago0 live\d+ today, usually/,
    )
    await dashboard.getButton('1 alarm').click()
    const alarms = dashboard.page.getByRole('dialog', { name: 'Alarms' })
    await alarms.getByText('The site "portal" has had no row').waitFor()
    await alarms.getByRole('link', { name: 'show portal' }).click()
    await dashboard.expectUrlQuery('?range=year&site=portal')
    await expect.poll(() => dashboard.siteSelect.inputValue()).toBe('portal')
    await portal.click()
    await dashboard.expectUrlQuery('?range=year')
  })

  test('shows four figures that agree with SQL, compared with the period before', async () => {
    const dashboard = await openSignedIn('?range=1y&site=shop')
    const readFigure = (label: string) =>
      dashboard.page.locator('.figure', { hasText: label }).locator('strong').textContent()
    await expect.poll(() => readFigure('Ended sessions')).toBe(await countRows('shop'))
    const idleTimeouts = await countRows('shop', { 'a.reason': 'idle_timeout' })
    await expect.poll(() => readFigure('Idle timeouts')).toBe(idleTimeouts)
    const delta = dashboard.page.locator('.figure .delta')
    await expect.poll(() => delta.first().textContent()).toMatch(/^\+[\d,]+ from 0$/)
    await dashboard.page.locator('.figure', { hasText: 'Idle timeouts' }).click()
    await expect.poll(() => readFigure('Ended sessions')).toBe(idleTimeouts)
    await dashboard.getButton('Compare').click()
    await expect.poll(() => delta.count()).toBe(0)
    await dashboard.expectUrlQuery('?range=1y&site=shop&search=reason%3Aidle_timeout&compare=0')
  })

  test('prints what it shows: site, range, filters, rows, time and token', async () => {
    const dashboard = await openSignedIn('?range=last-quarter&tz=utc&site=shop&search=reason:idle_timeout')
    const { page } = dashboard
    await page.emulateMedia({ media: 'print' })
    const header = page.locator('.print-header')
    const readFact = async (name: string) =>
      (await header.locator('div', { hasText: name }).locator('dd').first().textContent()) ?? ''
    await expect.poll(() => readFact('Rows')).toMatch(/^50 of [\d,]+\. Export/)
    expect(await readFact('Site')).toBe('shop')
    expect(await readFact('Range')).toMatch(/^Last quarter: 1 \w+ \d{4} – 3\d \w+ \d{4} \(UTC\)$/)
    expect(await readFact('Filters')).toBe('reason:idle_timeout')
    expect(await readFact('Generated')).toContain('(UTC)')
    expect(await readFact('By')).toBe(`token ${token.id} (auditors)`)
    for (const control of ['.top-bar', '.site-strip', '.search', '.export-links', '.pagination'])
      expect({ control, isVisible: await page.locator(control).isVisible() }).toEqual({
        control,
        isVisible: false,
      })
    const isClipped = (element: Element) => element.scrollHeight > element.clientHeight + 1
    expect(await page.locator('.session-end-list').evaluate(isClipped)).toBe(false)
  })

  test('is used with the keyboard alone, and always shows where the focus is', async () => {
    const dashboard = await openSignedIn('?range=week', { viewport: { width: 1280, height: 800 } })
    const names = await walkWithKeyboard(dashboard, 'Search')
    expect(names).toEqual([
      'Site',
      'Last hour',
      'Today',
      'Yesterday',
      'This week',
      'Last 7 days',
      'Last 30 days',
      'Last 90 days',
      'Last month',
      'Last quarter',
      expect.stringContaining('More'),
      '1 alarm',
      'Sign out',
      'Search',
    ])
    const further = await walkWithKeyboard(dashboard, 'Export NDJSON')
    expect(further.filter((name) => name.includes('not marked'))).toEqual([])
    expect(further).toEqual(expect.arrayContaining(['Compare', 'Local', 'UTC', 'Live', 'Export CSV']))
    // Escape closes the menu, and the button has the focus again.
    await dashboard.page.locator('.more-ranges').focus()
    await dashboard.page.keyboard.press('Enter')
    await dashboard.getButton('Apply').waitFor()
    await dashboard.page.keyboard.press('Tab')
    await dashboard.expectFocus('Last hour')
    await dashboard.page.keyboard.press('Escape')
    await dashboard.expectFocus(await dashboard.page.locator('.more-ranges').textContent())
  })
})
