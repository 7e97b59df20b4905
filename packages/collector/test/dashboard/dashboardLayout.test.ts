import type { Locator } from 'playwright-core'
import { describe, expect } from 'vitest'
import { reasons } from '../../src/domain/verdict.ts'
import { minuteMs, noon, setUpBrowser, test } from '../support/dashboardPage.ts'
import { insertRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()
const longSiteName = 'customer-portal-of-the-north-eastern-region-acceptance-test'
const accessibilityWidths = [390, 768, 1280, 1920]
const phone = { width: 390, height: 800 }

test.beforeAll(async ({ collector }) => {
  const rowsWithLongNames = reasons.map((reason, index) => ({
    session: `long-${reason}-0123456789abcdef0123456789abcdef`,
    detected_at: noon + (index + 2) * minuteMs,
    reason,
    site: longSiteName,
    subject: `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1${index}`,
  }))
  await insertRows(collector.database.sql, [
    ...rowsWithLongNames,
    {
      session: 'selftest-played',
      detected_at: noon + 20 * minuteMs,
      client_version: 'selftest',
      subject: 'selftest',
      reason: 'absolute_timeout',
    },
    // Six seconds past its limit, the part of the bar past the limit has its smallest width.
    {
      session: 'close',
      detected_at: noon + 21 * minuteMs,
      elapsed_ms: 30 * minuteMs + 6000,
      last_access_at: null,
      reason: 'idle_timeout',
    },
  ])
})

const measureOverflow = (element: Locator) =>
  element.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)

async function measureHeight(element: Locator): Promise<number> {
  const box = await element.boundingBox()
  if (!box) throw new Error('The element is not visible.')
  return box.height
}

describe('The dashboard', () => {
  test.for(['light', 'dark'] as const)(
    'is accessible and fits screens of any width in %s mode',
    async (colorScheme, { collector, token }) => {
      const dashboard = await openDashboard(collector.url, { colorScheme })
      await dashboard.page.getByLabel('Token').waitFor()
      await dashboard.expectNoAccessibilityViolations()
      await dashboard.signIn(token)
      await dashboard.waitForChart()
      await dashboard.waitForRows()
      for (const width of [1101, 721, ...accessibilityWidths]) {
        await dashboard.page.setViewportSize({ width, height: 800 })
        const readPageWidth = () => dashboard.page.evaluate(() => document.documentElement.scrollWidth)
        await expect.poll(readPageWidth).toBe(width)
        if (accessibilityWidths.includes(width)) await dashboard.expectNoAccessibilityViolations()
      }
    },
  )

  test('keeps rows with long names low, and shows the full name of a site in its tooltip', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    const row = dashboard.rows.filter({ hasText: longSiteName }).first()
    for (const width of [768, 1280]) {
      await dashboard.page.setViewportSize({ width, height: 800 })
      await expect.poll(() => measureHeight(row)).toBeLessThan(70)
    }
    expect(await row.locator('.site a').first().getAttribute('title')).toContain(longSiteName)
  })

  test('keeps the buttons of its header on one line on a phone', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url, { viewport: phone })
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    for (const name of ['Live', 'Local', 'Sign out']) {
      await expect.poll(() => measureHeight(dashboard.getButton(name))).toBeLessThan(40)
    }
  })

  test('shows how far past its limit a session was, even if the bar is narrow', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(`${collector.url}/?search=session:close`, { viewport: phone })
    await dashboard.signIn(token)
    await dashboard.rows.first().click()
    const bar = dashboard.page.locator('.idle-time-bar')
    const pastLimit = bar.locator('.past-limit')
    await expect.poll(() => pastLimit.textContent()).toBe('+ 6 s')
    expect(await measureOverflow(pastLimit)).toBe(0)
    expect(await measureOverflow(bar)).toBe(0)
  })

  test('keeps the colors of the reasons in forced-colors mode', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?tab=limit`, { forcedColors: 'active' })
    await dashboard.signIn(token)
    await dashboard.page.getByText('When users came back').click()
    for (const mark of ['.legend .dot', '.session-end-list .dot', '.histogram-bar']) {
      const backgroundColor = await dashboard.page
        .locator(mark)
        .first()
        .evaluate((element) => getComputedStyle(element).backgroundColor)
      expect({ mark, backgroundColor }).not.toEqual({ mark, backgroundColor: 'rgb(255, 255, 255)' })
    }
  })

  test('prints only the details while they are open, on two pages at most', async ({ collector, token }) => {
    const dashboard = await openDashboard(
      `${collector.url}/?search=session:long-revoked-0123456789abcdef0123456789abcdef`,
    )
    await dashboard.signIn(token)
    await dashboard.rows.first().click()
    await dashboard.waitForDialog('Revoked')
    const pdf = (await dashboard.page.pdf({ format: 'A4' })).toString('latin1')
    expect(pdf.match(/\/Type \/Page\b/g)?.length).toBeLessThanOrEqual(2)
    await dashboard.page.emulateMedia({ media: 'print' })
    expect(await dashboard.page.locator('.dashboard').isVisible()).toBe(false)
    expect(await dashboard.page.getByText('Revoked').last().isVisible()).toBe(true)
    expect(await dashboard.getButton('Close').isVisible()).toBe(false)
  })
})

describe('The chart', () => {
  test('selects a bar with the arrow keys until it loses the focus', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=7d`)
    await dashboard.signIn(token)
    const period = dashboard.page.locator('.ended-sessions-card [aria-live]')
    await dashboard.waitForChart()
    await dashboard.chart.focus()
    const wholePeriod = await period.textContent()
    await dashboard.page.keyboard.press('ArrowLeft')
    await expect.poll(() => period.textContent()).not.toBe(wholePeriod)
    await dashboard.page.keyboard.press('Tab')
    await expect.poll(() => period.textContent()).toBe(wholePeriod)
  })
})
