import { describe, expect } from 'vitest'
import { minuteMs, noon, setUpBrowser, test } from '../support/dashboardPage.ts'

const openDashboard = setUpBrowser()

describe('The filters', () => {
  test('are part of the URL and survive a reload', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.page.getByRole('combobox', { name: 'Reason' }).selectOption('Idle timeout')
    await dashboard.filterByText('Subject', 'u_3')
    await dashboard.expectRowCount(12)
    await dashboard.expectUrlQuery('?reason=idle_timeout&subject=u_3')
    await dashboard.page.reload()
    await dashboard.expectRowCount(12)
    await expect.poll(() => dashboard.getFilter('Subject').inputValue()).toBe('u_3')
    await dashboard.filterByText('Subject', 'nobody')
    await dashboard.emptyListMessage.waitFor()
    await dashboard.expectNoAccessibilityViolations()
  })

  test('apply a time only when it is complete, with one request and one history entry', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(collector.url, { timezoneId: 'UTC' })
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    const listRequests: string[] = []
    dashboard.page.on('request', (request) => {
      if (request.url().includes('v1/lapses?')) listRequests.push(request.url())
    })
    const countHistoryEntries = () => dashboard.page.evaluate(() => history.length)
    const historyEntriesBefore = await countHistoryEntries()
    const from = new Date(noon - 10 * minuteMs)
    const field = dashboard.getFilter('From')
    const valueWithoutYear = from.toISOString().slice(4, 16)
    // Chromium sets these years while the four digits are typed.
    for (const year of ['0002', '0020', '0202', String(from.getUTCFullYear())]) {
      await field.evaluate((element: HTMLInputElement, value) => {
        element.focus()
        element.value = value
        for (const type of ['input', 'change']) element.dispatchEvent(new Event(type, { bubbles: true }))
      }, year + valueWithoutYear)
    }
    await field.press('Enter')
    await dashboard.expectRowCount(12)
    await dashboard.expectUrlQuery(`?from=${encodeURIComponent(from.toISOString())}`)
    expect(listRequests.filter((url) => url.includes('from=0'))).toEqual([])
    expect(await countHistoryEntries()).toBe(historyEntriesBefore + 1)
    await field.fill('')
    await dashboard.getFilter('Subject').focus()
    await dashboard.expectRowCount(50)
  })

  test('are removed when a field is emptied', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?subject=u_3`)
    await dashboard.signIn(token)
    await dashboard.expectRowCount(12)
    // The field's clear button fires an input event, but no change event.
    await dashboard.getFilter('Subject').evaluate((field: HTMLInputElement) => {
      field.value = ''
      field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    })
    await dashboard.expectRowCount(50)
    await dashboard.expectUrlQuery('')
  })

  test('lose text that was not applied yet when "Clear" is clicked', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.expectRowCount(50)
    await dashboard.getFilter('Session').fill('a draft')
    await dashboard.getFilter('From').fill('1969-01-01T00:00')
    await dashboard.getButton('Clear').click()
    await expect.poll(() => dashboard.getFilter('Session').inputValue()).toBe('')
    await expect.poll(() => dashboard.getFilter('From').inputValue()).toBe('')
    await dashboard.expectUrlQuery('')
  })

  test('show a site from the URL that is no longer configured', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?site=gone`)
    await dashboard.signIn(token)
    await dashboard.emptyListMessage.waitFor()
    await expect.poll(() => dashboard.getFilter('Site').inputValue()).toBe('gone')
  })

  test('cause one error message, with the labels of the fields, if they are invalid', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(
      `${collector.url}/?from=2026-02-01T00:00:00.000Z&to=2026-01-01T00:00:00.000Z`,
    )
    await dashboard.signIn(token)
    await expect.poll(() => dashboard.errors.allTextContents()).toEqual(['To: must be later than “From”.'])
    await expect.poll(() => dashboard.page.locator('.card').count()).toBe(4)
    await dashboard.expectNoAccessibilityViolations()
  })
})
