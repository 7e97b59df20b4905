import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Tab } from '../../../../test/engines/engine.ts'
import { createEngines } from '../../../../test/engines/engines.ts'
import { createCollector, type InProcessCollector } from '../support/collector.ts'
import { database, issueDashboardToken, minuteMs, noon, site } from '../support/dashboardPage.ts'
import { createLiveRow } from '../support/liveRows.ts'
import { insertRows } from '../support/rows.ts'

let collector: InProcessCollector
let token: string
beforeAll(async () => {
  collector = await createCollector(database, { sites: { acme: site } })
  token = (await issueDashboardToken(collector)).token
  const { sql } = collector.database
  const swept = { detected_at: noon, detected_by: 'sweep' }
  await insertRows(sql, [
    { ...swept, session: 'a', revision: 1, supersedes: null },
    { ...swept, session: 'a', revision: 2, supersedes: 1, reason: 'logout', detected_by: 'logout' },
  ])
  const live = { session_key: 'b', session: 'b', subject: 'u_live', due_ms: 11 * 1000 + 1.5 * minuteMs }
  await sql('session_live').insert(createLiveRow(sql, live))
})
afterAll(() => collector.end())

const readText = (tab: Tab, selector: string) =>
  tab.evaluate<string | null>(`document.querySelector('${selector}')?.textContent ?? null`)

async function signIn(tab: Tab): Promise<void> {
  await expect.poll(() => tab.evaluate(`document.querySelector('#token') !== null`)).toBe(true)
  await tab.evaluate(`(() => {
    const field = document.querySelector('#token')
    field.value = '${token}'
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })()`)
  await tab.click('.primary-button')
}

describe.each(createEngines())('In $name, the dashboard', (engine) => {
  afterAll(() => engine.stop())

  test('lists live sessions, counts down, shows earlier revisions, and opens the menu of a row', async () => {
    const browser = await engine.launch()
    try {
      const tab = await browser.newTab()
      await tab.goto(`${collector.url}/?live=1`)
      await signIn(tab)
      await expect.poll(() => readText(tab, '.live-sessions tbody .identifier')).toBe('u_live')
      const countdown = await readText(tab, '.countdown')
      expect(countdown).toMatch(/^in (1 min )?\d+ s$/)
      await expect.poll(() => readText(tab, '.countdown')).not.toBe(countdown)

      await tab.click('.session-end-list tbody a')
      await expect.poll(() => readText(tab, '.earlier-revisions')).toContain('row 1')
      await tab.click('.earlier-revisions a')
      await expect.poll(() => readText(tab, '.dialog-content .notice')).toContain('row 2 corrects it')
      await expect.poll(() => tab.evaluate('document.activeElement.id')).toBe('session-end-title')
      await tab.click('.dialog-content header button')
      await expect.poll(() => readText(tab, 'dialog')).toBe(null)
      expect(await tab.evaluate('location.search')).toBe('?live=1')

      await tab.click('.menu-button')
      await expect.poll(() => readText(tab, '.row-menu:popover-open')).toContain('History of this user')
      const width = '[document.documentElement.scrollWidth, innerWidth]'
      const [pageWidth = 0, windowWidth = 0] = await tab.evaluate<number[]>(width)
      expect(pageWidth).toBeLessThanOrEqual(windowWidth)
    } finally {
      await browser.close()
    }
  })
})
