import { expect } from 'vitest'
import { lines, noon, signIn, test, useBrowser } from './dashboardPage.ts'
import { insertRows } from './rows.ts'

const open = useBrowser()
test('shows a new row by itself', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?session=alias-new`)
  await signIn(page, token)
  await page.getByText('No row matches.').waitFor()
  await insertRows(collector.database.sql, [{ session: 'alias-new', detected_at: noon - 40 * 86_400_000 }])
  await page.goto(`${collector.url}/?session=alias-new&range=90d`)
  await lines(page).first().waitFor()
  // One comes late: what waits in the outbox of a browser was detected long ago.
  await insertRows(collector.database.sql, [
    { session: 'alias-new', session_key: 'late', detected_at: noon - 60 * 86_400_000 },
  ])
  await expect.poll(() => lines(page).count()).toBe(2)
  const figure = page.locator('.over .figure')
  await expect.poll(() => figure.textContent(), { timeout: 25_000 }).toBe('2 sessions')
  await collector.database.sql('session_audit').where({ session: 'alias-new' }).delete()
})

test('leaves alone what is being typed when it looks for new rows', async ({ collector, token }) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await lines(page).first().waitFor()
  await page.getByLabel('Subject').pressSequentially('u_1')
  // The first of the two has been shown when the second one comes.
  for (const _ of [1, 2]) await page.waitForResponse((response) => response.url().includes('v1/lapses?'))
  expect(await page.getByLabel('Subject').inputValue()).toBe('u_1')
  await page.getByLabel('Subject').press('Enter')
  await expect.poll(() => lines(page).count()).toBe(12)
})

test('asks for rows and sums once when it is opened', async ({ collector, token }) => {
  const page = await open(collector.url)
  const asked: string[] = []
  page.on('request', (request) => void asked.push(new URL(request.url()).pathname))
  const startedAt = performance.now()
  await signIn(page, token)
  await page.locator('.chart canvas').waitFor()
  await lines(page).first().waitFor()
  // And again at each tick, where that takes so long.
  const ticks = Math.floor((performance.now() - startedAt) / 5000)
  expect(asked.filter((path) => path === '/v1/summary').length).toBeLessThanOrEqual(1 + ticks / 3)
  expect(asked.filter((path) => path === '/v1/lapses').length).toBeLessThanOrEqual(1 + ticks)
})

test('goes on with the time, in nobody’s name, but not on a later page', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?range=7d`)
  await page.clock.install()
  await signIn(page, token)
  await lines(page).first().waitFor()
  const sinceMs = 7 * 86_400_000
  const started = Date.now()
  const lapses = (late: number) =>
    page.waitForRequest((request) => {
      const from = new URL(request.url()).searchParams.get('from')
      return request.url().includes('v1/lapses?') && Date.parse(from ?? '') > started + late - sinceMs
    })
  // The clock of the page may be a little slow.
  const [request] = await Promise.all([lapses(5 * 3_600_000), page.clock.fastForward('06:00:00')])
  expect(request.headers()['lapse-unattended']).toBe('1')
  const exported = await page.getByRole('link', { name: 'Export CSV' }).getAttribute('href')
  expect(Date.parse(new URL(`${collector.url}/${exported}`).searchParams.get('from') ?? '')).toBeGreaterThan(
    started + 5 * 3_600_000 - sinceMs,
  )
  await page.goto(`${collector.url}/?range=30d`)
  await page.getByRole('link', { name: 'Older' }).click()
  await expect.poll(() => lines(page).count()).toBe(11)
  const asked: string[] = []
  page.on('request', (request) => void asked.push(request.url()))
  await page.clock.fastForward('01:00:00')
  await page.clock.fastForward('00:10')
  expect(asked.filter((url) => url.includes('/v1/'))).toEqual([])
})

test('says so when the collector is away, and tries again', async ({ collector, token }) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await lines(page).first().waitFor()
  await page.context().setOffline(true)
  await page.getByLabel('Subject').fill('u_1')
  await page.getByLabel('Subject').press('Enter')
  const note = page.getByRole('alert')
  expect(await note.textContent()).toContain('The collector cannot be reached.')
  expect(await note.count()).toBe(1)
  await page.getByRole('button', { name: 'Live: no answer' }).waitFor()
  await page.context().setOffline(false)
  await note.getByRole('button', { name: 'Try again' }).click()
  await expect.poll(() => lines(page).count()).toBe(12)
  await expect.poll(() => page.getByRole('button', { name: 'Live', exact: true }).count()).toBe(1)
})

test('tries again in the reader’s name: a later page, the sums, and a detail', async ({
  collector,
  token,
}) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await page.getByRole('link', { name: 'Older' }).click()
  await expect.poll(() => lines(page).count()).toBe(11)
  await page.route(/v1\/summary/, (route) =>
    route.fulfill({ status: 503, json: { detail: 'Come back later.' } }),
  )
  await page.reload()
  const note = page.getByRole('alert')
  expect(await note.textContent()).toContain('Come back later.')
  await page.unroute(/v1\/summary/)
  const [request] = await Promise.all([
    page.waitForRequest(/v1\/summary/),
    note.getByRole('button', { name: 'Try again' }).click(),
  ])
  expect(request.headers()['lapse-unattended']).toBeUndefined()
  await page.locator('.chart canvas').waitFor()

  await page.route(/v1\/lapses\/\d/, (route) => route.abort())
  await lines(page).first().click()
  const detail = page.getByRole('dialog')
  const retry = detail.getByRole('button', { name: 'Try again' })
  await retry.waitFor()
  await page.unroute(/v1\/lapses\/\d/)
  await retry.click()
  await detail.getByText('limit 30 min').first().waitFor()
})
