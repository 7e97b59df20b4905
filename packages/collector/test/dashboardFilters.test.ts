import { expect } from 'vitest'
import { lines, noon, signIn, test, useBrowser, violations } from './dashboardPage.ts'

const open = useBrowser()
test('keeps the filters in the address, over a reload', async ({ collector, token }) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await page.getByRole('combobox', { name: 'Reason' }).selectOption('Idle timeout')
  await page.getByLabel('Subject').fill('u_3')
  await page.getByLabel('Subject').press('Enter')
  await expect.poll(() => lines(page).count()).toBe(12)
  await expect.poll(() => new URL(page.url()).search).toBe('?reason=idle_timeout&subject=u_3')
  await page.reload()
  await expect.poll(() => lines(page).count()).toBe(12)
  await expect.poll(() => page.getByLabel('Subject').inputValue()).toBe('u_3')
  await page.getByLabel('Subject').fill('nobody')
  await page.getByLabel('Subject').press('Enter')
  await page.getByText('No ended sessions match.').waitFor()
  expect(await violations(page)).toEqual([])
})

test('asks for a time when it is typed to its end, and once', async ({ collector, token }) => {
  const page = await open(collector.url, { timezoneId: 'UTC' })
  await signIn(page, token)
  await lines(page).first().waitFor()
  const asked: string[] = []
  page.on('request', (request) => {
    if (request.url().includes('v1/lapses?')) asked.push(request.url())
  })
  const entries = await page.evaluate(() => history.length)
  const from = new Date(noon - 10 * 60_000)
  const field = page.getByLabel('From')
  const text = from.toISOString().slice(4, 16)
  // What Chromium makes of the four figures of a year.
  for (const year of ['0002', '0020', '0202', String(from.getUTCFullYear())]) {
    await field.evaluate((element: HTMLInputElement, value) => {
      element.focus()
      element.value = value
      for (const type of ['input', 'change']) element.dispatchEvent(new Event(type, { bubbles: true }))
    }, year + text)
  }
  await field.press('Enter')
  await expect.poll(() => lines(page).count()).toBe(12)
  await expect.poll(() => new URL(page.url()).search).toBe(`?from=${encodeURIComponent(from.toISOString())}`)
  expect(asked.filter((url) => url.includes('from=0'))).toEqual([])
  expect(await page.evaluate(() => history.length)).toBe(entries + 1)
  await page.getByLabel('From').fill('')
  await page.getByLabel('Subject').focus()
  await expect.poll(() => lines(page).count()).toBe(50)
})

test('leaves a filter when its field is emptied, and a draft when all is cleared', async ({
  collector,
  token,
}) => {
  const page = await open(`${collector.url}/?subject=u_3`)
  await signIn(page, token)
  await expect.poll(() => lines(page).count()).toBe(12)
  // What the cross of the field does.
  await page.getByLabel('Subject').evaluate((field: HTMLInputElement) => {
    field.value = ''
    field.dispatchEvent(new InputEvent('input', { bubbles: true }))
  })
  await expect.poll(() => lines(page).count()).toBe(50)
  await expect.poll(() => new URL(page.url()).search).toBe('')
  await page.getByLabel('Session', { exact: true }).fill('a draft')
  await page.getByLabel('From').fill('1969-01-01T00:00')
  await page.getByRole('button', { name: 'Clear' }).click()
  await expect.poll(() => page.getByLabel('Session', { exact: true }).inputValue()).toBe('')
  await expect.poll(() => page.getByLabel('From').inputValue()).toBe('')
  await expect.poll(() => new URL(page.url()).search).toBe('')
})

test('shows a site that is no longer configured', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?site=gone`)
  await signIn(page, token)
  await page.getByText('No ended sessions match.').waitFor()
  await expect.poll(() => page.getByLabel('Site').inputValue()).toBe('gone')
})

test('says once what is wrong with the filters, by the names of the fields', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?from=2026-02-01T00:00:00.000Z&to=2026-01-01T00:00:00.000Z`)
  await signIn(page, token)
  const note = page.getByRole('alert')
  await note.waitFor()
  expect(await note.allTextContents()).toEqual(['To: must be later than “From”.'])
  await expect.poll(() => page.locator('.card').count()).toBe(3)
  expect(await violations(page)).toEqual([])
})
