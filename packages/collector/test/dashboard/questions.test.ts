import type { Knex } from 'knex'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { createCollector, type InProcessCollector, origin } from '../support/collector.ts'
import {
  type DashboardPage,
  database,
  dayMs,
  issueDashboardToken,
  minuteMs,
  setUpBrowser,
} from '../support/dashboardPage.ts'
import { insertQuestionRows, questionSites } from '../support/questionRows.ts'
import { selectCurrentRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()
const maxClicks = 3

let collector: InProcessCollector
let token: string
let now: number
beforeAll(async () => {
  const sites = questionSites.map(({ name, limitMinutes }) => {
    return [name, { origins: [origin], idleTimeoutSeconds: limitMinutes * 60 }]
  })
  now = Date.now()
  collector = await createCollector(database, { sites: Object.fromEntries(sites) }, (sql) =>
    insertQuestionRows(sql, now),
  )
  token = (await issueDashboardToken(collector)).token
})
afterAll(() => collector.end())

/** An auditor who has just signed in, and counts what they do. Typing into a field counts as one click. */
class Auditor {
  readonly dashboard: DashboardPage
  clicks = 0

  constructor(dashboard: DashboardPage) {
    this.dashboard = dashboard
  }

  get page(): Page {
    return this.dashboard.page
  }

  async click(target: Locator): Promise<void> {
    this.clicks++
    await target.click()
  }

  async search(text: string): Promise<void> {
    this.clicks++
    await this.page.getByRole('combobox', { name: 'Search' }).fill(text)
    await this.page.keyboard.press('Enter')
  }

  siteCard = (name: string) => this.page.locator('.site-card', { hasText: name })
  range = (name: string) => this.page.getByRole('button', { name, exact: true })
  figure = (label: string) => this.page.locator('.figure', { hasText: label })

  async readCount(label: string): Promise<number> {
    return readNumber(await this.figure(label).locator('strong').textContent())
  }
}

async function signIn(): Promise<Auditor> {
  // Midnight in UTC keeps the queries simple. Other tests cover time zones.
  const dashboard = await openDashboard(collector.url, {
    timezoneId: 'UTC',
    viewport: { width: 1280, height: 800 },
  })
  await dashboard.signIn(token)
  await dashboard.waitForRows()
  return new Auditor(dashboard)
}

const readNumber = (text: string | null) => Number(text?.replace(/\D/g, ''))

interface Period {
  readonly from: number
  readonly to?: number
}

/** Selects the rows of a period that the reader is to see: current ones, without self-tests. */
function selectRows({ from, to }: Period, columns: Readonly<Record<string, string>> = {}) {
  const { sql } = collector.database
  const query = selectCurrentRows(sql)
    .where('a.detected_at', '>=', toStoredTime(sql, from))
    .whereNot('a.client_version', 'selftest')
  if (to !== undefined) query.where('a.detected_at', '<', toStoredTime(sql, to))
  for (const [column, value] of Object.entries(columns)) query.where(`a.${column}`, value)
  return query
}

async function countRows(
  period: Period,
  columns?: Readonly<Record<string, string>>,
  narrow: (query: Knex.QueryBuilder) => void = () => {},
): Promise<number> {
  const [row] = await selectRows(period, columns).modify(narrow).count({ count: '*' })
  return Number(row.count)
}

const startOfToday = () => Math.floor(now / dayMs) * dayMs
const startOfMonth = (monthsLater = 0) => {
  const today = new Date(now)
  return Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + monthsLater, 1)
}

describe('After sign-in, an auditor needs three clicks at most to learn', () => {
  test('whether every site is still reporting', async () => {
    const auditor = await signIn()
    const lastRows: { site: string; last: string | Date }[] = await selectRows({ from: 0 })
      .select('a.site')
      .max({ last: 'a.detected_at' })
      .groupBy('a.site')
    const silentSites = lastRows
      .filter(({ last }) => now - new Date(last).getTime() > 5 * dayMs)
      .map(({ site }) => site)
    expect(silentSites).toEqual(['portal'])
    await auditor.siteCard('portal').getByText('Silent for 9 d').waitFor()
    await expect.poll(() => auditor.page.locator('.site-card.silent').count()).toBe(silentSites.length)
    expect(auditor.clicks).toBe(0)
  })

  test('why a user was signed out yesterday at 15:00', async () => {
    const auditor = await signIn()
    const at = startOfToday() - 9 * 60 * minuteMs
    const [row] = await selectRows({ from: at, to: at + minuteMs }, { subject: 'u_1033' }).select('a.*')
    await auditor.search('user:u_1033')
    await auditor.click(auditor.range('Yesterday'))
    await auditor.click(auditor.page.locator('.detected a', { hasText: '15:00:00' }))
    await auditor.dashboard.waitForDialog('Idle timeout')
    expect(row).toMatchObject({
      reason: 'idle_timeout',
      elapsed_ms: 40 * minuteMs,
      idle_timeout_seconds: 1800,
    })
    await auditor.dashboard.dialog
      .getByText('The session was idle for 40 min, 10 min past its limit of 30 min.')
      .waitFor()
    await expect.poll(() => new URL(auditor.page.url()).searchParams.get('row')).toBe(String(row.id))
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })

  test('how many idle timeouts a site had last quarter, and whether its limit is too short', async () => {
    const auditor = await signIn()
    await auditor.click(auditor.siteCard('shop'))
    await auditor.click(auditor.range('Last quarter'))
    await auditor.click(auditor.page.getByRole('tab', { name: 'Is the limit too short?' }))
    const quarterStart = startOfMonth(-(new Date(now).getUTCMonth() % 3))
    const start = new Date(quarterStart)
    const period = { from: Date.UTC(start.getUTCFullYear(), start.getUTCMonth() - 3, 1), to: quarterStart }
    const timeouts = { site: 'shop', reason: 'idle_timeout' }
    const isReturn = (query: Knex.QueryBuilder) => void query.whereNot('a.detected_by', 'sweep')
    const isKept = (query: Knex.QueryBuilder) =>
      void query.modify(isReturn).where('a.elapsed_ms', '<', 45 * minuteMs)
    const returned = await countRows(period, timeouts, isReturn)
    await expect.poll(() => auditor.readCount('Idle timeouts')).toBe(await countRows(period, timeouts))
    const kept = await countRows(period, timeouts, isKept)
    const share = Math.round((kept / returned) * 100)
    const panel = auditor.page.getByRole('tabpanel')
    await panel.getByText(`45 min would have kept ${share}% of those who came back.`).waitFor()
    await panel.getByText(`${kept} of ${returned} returns.`).waitFor()
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })

  test('who is timed out most often', async () => {
    const auditor = await signIn()
    const [most] = await selectRows({ from: now - 30 * dayMs }, { reason: 'idle_timeout' })
      .select('a.subject')
      .count({ count: '*' })
      .groupBy('a.subject')
      .orderBy('count', 'desc')
      .limit(1)
    const first = auditor.page.getByRole('tabpanel').locator('tbody tr').first()
    await first.getByRole('link', { name: most.subject, exact: true }).waitFor()
    expect(readNumber(await first.locator('td').first().textContent())).toBe(Number(most.count))
    expect(auditor.clicks).toBe(0)
  })

  test('how this week compares with the last', async () => {
    const auditor = await signIn()
    await auditor.click(auditor.range('This week'))
    const monday = startOfToday() - ((new Date(now).getUTCDay() + 6) % 7) * dayMs
    const thisWeek = await countRows({ from: monday })
    const lastWeek = await countRows({ from: monday - 7 * dayMs, to: now - 7 * dayMs })
    await expect.poll(() => auditor.readCount('Ended sessions')).toBe(thisWeek)
    const before = auditor.figure('Ended sessions').locator('.delta .muted')
    await expect.poll(async () => readNumber(await before.textContent())).toBe(lastWeek)
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })

  test('what to give the auditor: an export of one site for one month, whose name says what it is', async () => {
    const auditor = await signIn()
    await auditor.click(auditor.siteCard('shop'))
    await auditor.click(auditor.range('Last month'))
    const period = { from: startOfMonth(-1), to: startOfMonth() }
    const rows = await countRows(period, { site: 'shop' })
    await expect.poll(() => auditor.readCount('Ended sessions')).toBe(rows)
    const [download] = await Promise.all([
      auditor.page.waitForEvent('download'),
      auditor.click(auditor.dashboard.getLink('Export CSV')),
    ])
    const csv = Buffer.concat(await (await download.createReadStream()).toArray()).toString()
    const month = new Date(period.from).toISOString().slice(0, 7)
    expect(download.suggestedFilename()).toBe(`lapse-shop-${month}.csv`)
    expect(csv.trimEnd().split('\r\n')).toHaveLength(1 + rows)
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })

  test('whether a timeout was recorded within the last hour', async () => {
    const auditor = await signIn()
    await auditor.click(auditor.range('Last hour'))
    const timeouts = await countRows({ from: now - 60 * minuteMs }, { reason: 'idle_timeout' })
    await expect.poll(() => auditor.readCount('Idle timeouts')).toBe(timeouts)
    await auditor.dashboard.expectRowCount(await countRows({ from: now - 60 * minuteMs }))
    expect(await auditor.dashboard.rows.first().locator('.age').textContent()).toMatch(/^1[2-4] min ago$/)
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })

  test('which rows cannot be trusted', async () => {
    const auditor = await signIn()
    const { sql } = collector.database
    const month = { from: now - 30 * dayMs }
    const minute = sql.raw("strftime('%Y-%m-%dT%H:%M', a.detected_at)")
    const bursts = selectRows(month)
      .select('a.site', 'a.ip', minute)
      .groupByRaw('1, 2, 3')
      .havingRaw('count(*) >= 20')
    const review = selectRows(month).where((query) =>
      query
        .where('a.reason', 'clock_anomaly')
        .orWhereRaw('abs(a.clock_skew_ms) > 60000')
        .orWhereRaw('(a.site, a.ip, ?) in ?', [minute, bursts]),
    )
    const rows: { id: number }[] = await review.select('a.id')
    await expect.poll(() => auditor.readCount('Need review')).toBe(rows.length)
    await auditor.click(auditor.figure('Need review'))
    await auditor.dashboard.expectRowCount(rows.length)
    const links = auditor.page.locator('.detected a')
    const hrefs = await links.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
    const ids = hrefs.map((href) => Number(new URL(href).searchParams.get('row')))
    expect(ids.sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id).sort((a, b) => a - b))
    expect(auditor.clicks).toBeLessThanOrEqual(maxClicks)
  })
})
