import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const minute = 60_000
const day = 86_400_000
/** A Monday in Vienna, and the Thursday after it, 14:00. */
const from = Date.parse('2026-03-22T23:00:00Z')
const to = Date.parse('2026-03-26T13:00:00Z')
const week = 7 * day
const compared = `from=${from}&to=${to}&timeZone=Europe/Vienna&compare=previous`

interface Row {
  readonly id: number
  readonly session: string
  readonly site: string
  readonly subject: string | null
  readonly origin: string | null
  readonly ip: string | null
  readonly reason: string
  readonly evidence: string
  readonly detected_by: string
  readonly detected_at: number
  readonly received_at: number
  readonly elapsed_ms: number
  readonly clock_skew_ms: number
  readonly supersedes: number | null
  readonly revision: number
}

/** Creates rows of three weeks. Every tenth corrects the one before it. */
function createRows(count: number): Row[] {
  const any = <T>(...values: T[]) => values[Math.floor(Math.random() * values.length)] as T
  const rows: Row[] = []
  for (let id = 1; id <= count; id++) {
    const earlier = id % 10 === 0 ? rows.at(-1) : undefined
    const detected_at = Math.floor(from - 2 * week + Math.random() * 3 * week)
    rows.push({
      id,
      session: earlier?.session ?? `s-${id}`,
      site: earlier?.site ?? any('acme', 'acme', 'signed', 'ACME'),
      subject: any('u_1', 'u_1', 'u_1', 'u_2', 'u_2', 'u_3', 'U_3', null),
      origin: any('https://a.example', 'https://a.example', 'https://b.example', null),
      ip: any('203.0.113.0', '198.51.100.0', null),
      reason: any('idle_timeout', 'idle_timeout', 'logout', 'clock_anomaly', 'revoked'),
      evidence: any('signed', 'self_reported', 'server'),
      detected_by: any('login_page', 'server'),
      detected_at,
      received_at: detected_at + any(0, 30 * minute, 61 * minute),
      elapsed_ms: 1_800_000 + Math.floor(Math.exp(Math.random() * 17)),
      clock_skew_ms: any(0, 0, 60_000, -60_001, 90_000),
      supersedes: earlier?.id ?? null,
      revision: earlier ? 2 : 1,
    })
  }
  const burstAt = from + 5 * 60 * minute
  const burst = rows.slice(0, 21).map((row, index) => ({
    ...row,
    id: count + 1 + index,
    session: `burst-${index}`,
    site: 'acme',
    ip: '192.0.2.0',
    evidence: 'signed',
    detected_by: 'login_page',
    detected_at: burstAt + index * 1_000,
    received_at: burstAt + index * 1_000,
    supersedes: null,
    revision: 1,
  }))
  return [...rows, ...burst]
}

const all = createRows(400)
const byId = new Map(all.map((row) => [row.id, row]))
const superseded = new Set(all.map(({ supersedes }) => supersedes))
const burstRows = all.filter(({ ip }) => ip === '192.0.2.0')
const countedRows = (start: number, end: number) =>
  all.filter((row) => !superseded.has(row.id) && row.detected_at >= start && row.detected_at < end)

const isConflict = ({ supersedes, evidence }: Row) =>
  supersedes !== null && byId.get(supersedes)?.evidence === evidence
const hasFlag = {
  clock_anomaly: ({ reason }: Row) => reason === 'clock_anomaly',
  skew: ({ clock_skew_ms: skew }: Row) => Math.abs(skew) > minute,
  late: (row: Row) => row.received_at - row.detected_at > 60 * minute,
  conflict: isConflict,
  correction: ({ supersedes }: Row) => supersedes !== null,
  burst: (row: Row) => burstRows.includes(row),
  self_reported: ({ evidence }: Row) => evidence === 'self_reported',
}
const needsReview = (row: Row) =>
  hasFlag.clock_anomaly(row) || hasFlag.skew(row) || hasFlag.conflict(row) || hasFlag.burst(row)
/** A server's report does not say when the user came back. */
const returnedMs = (row: Row) =>
  row.reason === 'idle_timeout' && row.detected_by !== 'server' ? [row.elapsed_ms - 1_800_000] : []

const totalsOf = (rows: readonly Row[]) => ({
  ended: rows.length,
  idleTimeouts: rows.filter(({ reason }) => reason === 'idle_timeout').length,
  returnedWithin10Minutes: rows.flatMap(returnedMs).filter((ms) => ms < 10 * minute).length,
  needReview: rows.filter(needsReview).length,
})
const countBy = <Key>(rows: readonly Row[], choose: (row: Row) => Key) =>
  new Map([...Map.groupBy(rows, choose)].map(([key, { length }]) => [key, length]))

describe.each(inject('databaseServers'))('GET /v1/summary on $name', (server) => {
  let collector: InProcessCollector
  let read: string
  beforeAll(async () => {
    collector = await createCollector(server)
    read = (await issueToken(collector.store)).token
    await insertRows(
      collector.database.sql,
      all.map((row) => ({ ...row, received_at: toStored(row.received_at) })),
    )
    const selftest = { client_version: 'selftest', subject: 'selftest', session: 'selftest-1', revision: 1 }
    await insertRows(collector.database.sql, [{ ...selftest, detected_at: from + 1, clock_skew_ms: 90_000 }])
  })
  afterAll(() => collector.end())

  const toStored = (time: number) =>
    server.url === undefined ? new Date(time).toISOString() : new Date(time)

  async function readSummary(query: string, token = read) {
    const response = await fetch(`${collector.url}/v1/summary?${query}`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }

  describe.each(['rows', 'rollup'])('from the %s', (source) => {
    beforeAll(async () => {
      if (source === 'rollup') await collector.store.rollup.rebuild()
    })
    const rows = countedRows(from, to)
    const before = countedRows(from - week, to - week)

    test('compares the week so far with the same part of the week before', async () => {
      const { totals, previous } = await readSummary(compared)
      expect(totals).toEqual(totalsOf(rows))
      expect(previous).toMatchObject({
        from: new Date(from - week).toISOString(),
        to: new Date(to - week).toISOString(),
        totals: totalsOf(before),
      })
      expect(previous.buckets.map(({ start }: { start: string }) => Date.parse(start))).toEqual(
        [0, 1, 2, 3].map((index) => from - week + index * day),
      )
    })

    test.each([
      ['subject', ({ subject }: Row) => subject],
      ['origin', ({ origin }: Row) => origin],
      ['site', ({ site }: Row) => site],
      ['reason', ({ reason }: Row) => reason],
      ['evidence', ({ evidence }: Row) => evidence],
    ])('counts the biggest groups by %s, with the previous counts', async (groupBy, choose) => {
      const { groups, otherCount } = await readSummary(`${compared}&groupBy=${groupBy}&top=3`)
      const expected = countBy<string | null>(rows, choose)
      const previous = countBy<string | null>(before, choose)
      const sizes = [...expected.values()].sort((a, b) => b - a)
      expect(groups.map(({ count }: { count: number }) => count)).toEqual(sizes.slice(0, 3))
      expect(otherCount).toBe(sizes.slice(3).reduce((sum, count) => sum + count, 0))
      for (const { key, count, counts, previousCount } of groups) {
        expect({ key, count, previousCount }).toEqual({
          key,
          count: expected.get(key),
          previousCount: previous.get(key) ?? 0,
        })
        const own = rows.filter((row) => choose(row) === key)
        expect(counts).toEqual(Object.fromEntries(countBy(own, ({ reason }) => reason)))
      }
    })

    test('counts the rows with each flag', async () => {
      const { flags, previous } = await readSummary(`from=${from}&to=${to}&flags=true`)
      const expected = Object.entries(hasFlag).map(([flag, has]) => [flag, rows.filter(has).length])
      expect(flags).toEqual(Object.fromEntries(expected))
      expect(previous).toBeUndefined()
    })

    test('does not count the rows that need review with review=false', async () => {
      const { totals, previous, ...rest } = await readSummary(compared)
      const without = await readSummary(`${compared}&review=false`)
      expect(without).toEqual({
        ...rest,
        totals: { ...totals, needReview: null },
        previous: { ...previous, totals: { ...previous.totals, needReview: null } },
      })
    })

    test('states for each site how many users a longer limit would have kept', async () => {
      const { sites } = await readSummary(`from=${from}&to=${to}`)
      const sizes = countBy(rows, ({ site }) => site)
      expect(sites.map(({ site, ended }: { site: string; ended: number }) => [site, ended])).toEqual(
        expect.arrayContaining([...sizes]),
      )
      expect(sites).toHaveLength(sizes.size)
      for (const { site, idleTimeoutSeconds, idleTimeouts, pastLimit, keptBy } of sites) {
        const own = rows.filter((row) => row.site === site)
        const returned = own.flatMap(returnedMs)
        expect({ idleTimeoutSeconds, idleTimeouts, count: pastLimit.count }).toEqual({
          idleTimeoutSeconds: site === 'ACME' ? null : 1800,
          idleTimeouts: totalsOf(own).idleTimeouts,
          count: returned.length,
        })
        for (const { extraMinutes, count } of keptBy)
          expect(count).toBe(returned.filter((ms) => ms < extraMinutes * minute).length)
      }
    })

    test.each<[search: string, matches: (row: Row) => boolean]>([
      ['-reason:logout,revoked', ({ reason }) => !['logout', 'revoked'].includes(reason)],
      ['site:ac* evidence:signed,server', (row) => row.site === 'acme' && row.evidence !== 'self_reported'],
      ['-site:acme', ({ site }) => site !== 'acme'],
      ['user:u_1 -flag:correction', (row) => row.subject === 'u_1' && row.supersedes === null],
      ['flag:review', needsReview],
    ])('counts the rows that the search %s finds', async (search, matches) => {
      const found = rows.filter(matches)
      const query = new URLSearchParams({ search, groupBy: 'site', compare: 'previous' })
      const { totals, groups, previous } = await readSummary(
        `${compared}&${query}`.replace('&compare=previous', ''),
      )
      expect(totals).toEqual(totalsOf(found))
      expect(previous.totals).toEqual(totalsOf(before.filter(matches)))
      expect(new Map(groups.map(({ key, count }: { key: string; count: number }) => [key, count]))).toEqual(
        countBy(found, ({ site }) => site),
      )
    })

    test('shows a token of one site no other sites', async () => {
      const { token } = await issueToken(collector.store, { site: 'signed' })
      const own = rows.filter(({ site }) => site === 'signed')
      for (const groupBy of ['site', 'subject']) {
        const { sites, groups, totals } = await readSummary(`${compared}&groupBy=${groupBy}&top=100`, token)
        expect(sites.map(({ site }: { site: string }) => site)).toEqual(['signed'])
        expect(totals).toEqual(totalsOf(own))
        const count = groups.reduce((sum: number, group: { count: number }) => sum + group.count, 0)
        expect(count).toBe(own.length)
      }
    })
  })
})
