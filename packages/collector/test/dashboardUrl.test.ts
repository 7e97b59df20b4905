import { expect } from 'vitest'
import { signIn, test, useBrowser } from './dashboardPage.ts'

const open = useBrowser()

const odd = [
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'],
  ...[
    '.',
    '..',
    './',
    '../summary',
    '../../',
    '/',
    '?limit=1',
    '#',
    '%',
    '%2e%2e',
    '-1',
    '0',
    '1.5',
    '1e999',
  ],
  ...['+275760-09-13T00:00:00.000Z', '-271821-04-20T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '1970-01-01'],
  ...['\u0000', '\u202e', '🕰', 'x'.repeat(300), '9'.repeat(40)],
]
/** Together with a time the range does not count, and the detail stands before the rest. */
const groups = [
  ['range'],
  ['row'],
  ['from'],
  ['to'],
  ['site', 'reason', 'evidence', 'subject', 'session', 'cursor'],
]

test('no address leaves the page blank, whatever stands in it', async ({ collector, token }) => {
  const page = await open(collector.url, { timezoneId: 'Pacific/Kiritimati' })
  await signIn(page, token)
  await page.getByRole('heading', { name: 'Ended sessions', exact: true }).waitFor()
  for (const names of groups) {
    for (const value of odd) {
      const query = new URLSearchParams(names.map((name) => [name, value]))
      await page.goto(`${collector.url}/?${query}`)
      const heading = page.locator('#session-end-list-title')
      await heading.waitFor({ timeout: 10_000 }).catch(() => undefined)
      await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached', timeout: 10_000 })
      expect([String(query), await heading.count()]).toEqual([String(query), 1])
    }
  }
})

test('an unknown range is the usual one, and a row that cannot be is no longer there', async ({
  collector,
  token,
}) => {
  const page = await open(`${collector.url}/?range=__proto__`)
  await signIn(page, token)
  await page.getByRole('button', { name: '30 days', pressed: true }).waitFor()
  for (const id of ['.', '..', '__proto__', '1/../2', '0x1', '-1', ' 1']) {
    await page.goto(`${collector.url}/?${new URLSearchParams({ row: id })}`)
    await page.getByText('Ended session not found. It may have been deleted.').waitFor()
  }
})
