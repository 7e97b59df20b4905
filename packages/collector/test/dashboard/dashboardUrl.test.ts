import { describe, expect } from 'vitest'
import { setUpBrowser, test } from '../support/dashboardPage.ts'

const openDashboard = setUpBrowser()

const unusualValues = [
  // Properties that every object inherits.
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'],
  // Paths and parts of URLs.
  ...['.', '..', './', '../summary', '../../', '/', '?limit=1', '#', '%', '%2e%2e'],
  // Numbers.
  ...['-1', '0', '1.5', '1e999', '9'.repeat(40)],
  // The bounds of dates.
  ...['+275760-09-13T00:00:00.000Z', '-271821-04-20T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '1970-01-01'],
  // Texts.
  ...['\u0000', '\u202e', '🕰', 'x'.repeat(300)],
]
// A time hides the effect of a range, and a dialog that of the other parameters.
const parameterGroups = [
  { label: '"range"', parameters: ['range'] },
  { label: '"row"', parameters: ['row'] },
  { label: '"from"', parameters: ['from'] },
  { label: '"to"', parameters: ['to'] },
  {
    label: 'all other parameters',
    parameters: ['site', 'search', 'subject', 'cursor', 'sort', 'tab', 'user', 'compare', 'tz', 'live'],
  },
]

describe('The dashboard', () => {
  test.for(parameterGroups)(
    'never stays blank, whatever its URL has for $label',
    async ({ parameters }, { collector, token }) => {
      const dashboard = await openDashboard(collector.url, { timezoneId: 'Pacific/Kiritimati' })
      await dashboard.signIn(token)
      const title = dashboard.page.locator('#session-end-list-title')
      await title.waitFor()
      for (const value of unusualValues) {
        const query = String(new URLSearchParams(parameters.map((name) => [name, value])))
        await dashboard.openUrl(`${collector.url}/?${query}`)
        await title.waitFor({ timeout: 10_000 }).catch(() => undefined)
        const busy = dashboard.page.locator('[aria-busy=true]').first()
        await busy.waitFor({ state: 'detached', timeout: 10_000 })
        expect({ query, titles: await title.count() }).toEqual({ query, titles: 1 })
      }
    },
  )

  test('shows the last 30 days if the range in the URL is unknown', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=__proto__`)
    await dashboard.signIn(token)
    await dashboard.page.getByRole('button', { name: 'Last 30 days', pressed: true }).waitFor()
  })

  test('shows "not found" if the URL has an invalid row id', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    for (const id of ['.', '..', '__proto__', '1/../2', '0x1', '-1', ' 1']) {
      await dashboard.openUrl(`${collector.url}/?${new URLSearchParams({ row: id })}`)
      await dashboard.page.getByText('Ended session not found.').waitFor()
    }
  })
})
