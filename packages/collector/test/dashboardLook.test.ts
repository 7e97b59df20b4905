import { expect } from 'vitest'
import { reasons } from '../src/lapse/verdict.ts'
import { lines, minute, noon, signIn, test, useBrowser, violations } from './dashboardPage.ts'
import { insertRows } from './rows.ts'

const open = useBrowser()
const longName = 'customer-portal-of-the-north-eastern-region-acceptance-test'

test.beforeAll(async ({ collector }) => {
  const rows = reasons.map((reason, index) => ({
    session: `long-${reason}-0123456789abcdef0123456789abcdef`,
    detected_at: noon + (index + 2) * minute,
    reason,
    site: longName,
    subject: `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1${index}`,
  }))
  const played = { client_version: 'selftest', subject: 'selftest', reason: 'absolute_timeout' }
  await insertRows(collector.database.sql, [
    ...rows,
    { session: 'selftest-played', detected_at: noon + 20 * minute, ...played },
    // Six seconds past its limit: the smallest part of the bar.
    {
      session: 'close',
      detected_at: noon + 21 * minute,
      elapsed_ms: 30 * minute + 6000,
      last_access_at: null,
      reason: 'idle_timeout',
    },
  ])
})
test.for(['light', 'dark'] as const)(
  'has nothing for axe to find, and fits a phone, in %s',
  async (colorScheme, { collector, token }) => {
    const page = await open(collector.url, { colorScheme })
    await page.getByLabel('Token').waitFor()
    expect(await violations(page)).toEqual([])
    await signIn(page, token)
    await page.locator('.chart canvas').waitFor()
    await lines(page).first().waitFor()
    await page.getByText('As a table').click()
    expect(await violations(page)).toEqual([])
    for (const width of [390, 721, 768, 1101, 1920]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    }
  },
)

test('keeps a row low, whatever its site is called, and each button on one line', async ({
  collector,
  token,
}) => {
  const page = await open(collector.url)
  await signIn(page, token)
  const row = lines(page).filter({ hasText: longName }).first()
  for (const width of [768, 1280]) {
    await page.setViewportSize({ width, height: 800 })
    expect((await row.boundingBox())?.height).toBeLessThan(70)
  }
  expect(await row.locator('.site').getAttribute('title')).toBe(longName)
  await page.setViewportSize({ width: 390, height: 800 })
  for (const name of ['Live', 'Sign out']) {
    expect((await page.getByRole('button', { name }).boundingBox())?.height).toBeLessThan(40)
  }
})

test('says how far past its limit a session was, however little that is', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?session=close`, { viewport: { width: 390, height: 800 } })
  await signIn(page, token)
  await lines(page).first().click()
  const past = page.locator('.span .past')
  expect(await past.textContent()).toBe('+ 6 s')
  expect(await past.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0)
  expect(
    await page.locator('.span').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
  ).toBe(0)
})

test('tells the reasons by their colours where colours are forced', async ({ collector, token }) => {
  const page = await open(collector.url, { forcedColors: 'active' })
  await signIn(page, token)
  for (const mark of ['.legend .dot', '.rows .dot', '.bins .bar']) {
    const colour = await page
      .locator(mark)
      .first()
      .evaluate((element) => getComputedStyle(element).backgroundColor)
    expect(colour).not.toBe('rgb(255, 255, 255)')
  }
})

test('prints a detail on a sheet or two, by itself', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?session=long-revoked-0123456789abcdef0123456789abcdef`)
  await signIn(page, token)
  await lines(page).first().click()
  await page.getByRole('dialog', { name: 'Revoked' }).waitFor()
  const sheets = (await page.pdf({ format: 'A4' })).toString('latin1').match(/\/Type \/Page\b/g)
  expect(sheets?.length).toBeLessThanOrEqual(2)
  await page.emulateMedia({ media: 'print' })
  expect(await page.locator('.page').isVisible()).toBe(false)
  expect(await page.getByText('Revoked').last().isVisible()).toBe(true)
  expect(await page.getByRole('button', { name: 'Close' }).isVisible()).toBe(false)
})

test('points at a bar by the arrow keys, and lets go of it when it is left', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?range=7d`)
  await signIn(page, token)
  const heading = page.locator('.over .card-head .quiet')
  await page.locator('.chart canvas').waitFor()
  await page.locator('.chart').focus()
  const all = await heading.textContent()
  await page.keyboard.press('ArrowLeft')
  await expect.poll(() => heading.textContent()).not.toBe(all)
  await page.keyboard.press('Tab')
  await expect.poll(() => heading.textContent()).toBe(all)
})
