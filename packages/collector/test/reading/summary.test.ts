import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

interface Summary {
  readonly from: string
  readonly to: string
  readonly buckets: { readonly start: string; readonly counts: Record<string, number> }[]
  readonly pastLimit: {
    readonly count: number
    readonly p50Ms: number | null
    readonly p90Ms: number | null
    readonly p99Ms: number | null
    readonly histogram: { readonly fromMs: number; readonly toMs: number | null; readonly count: number }[]
  }
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

interface Row {
  readonly detected_at: number
  readonly [column: string]: string | number | null
}

describe.each(inject('databaseServers'))('GET /v1/summary on $name', (server) => {
  let collector: InProcessCollector
  let read: string
  beforeAll(async () => {
    collector = await createCollector(server)
    read = (await issueToken(collector.store)).token
  })
  afterAll(() => collector.end())

  const get = (query: string, token = read) =>
    fetch(`${collector.url}/v1/summary?${query}`, { headers: { Authorization: `Bearer ${token}` } })
  const readSummary = async (query: string): Promise<Summary> => {
    const response = await get(query)
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }

  /** Replaces all rows. */
  async function replaceRows(rows: readonly Row[]): Promise<void> {
    await collector.database.sql('session_audit').delete()
    await collector.store.rollup.rebuild()
    await insertRows(
      collector.database.sql,
      rows.map((row) => ({ session: randomUUID(), ...row })),
    )
  }
  test('The summary counts by day and reason, and leaves out empty days and self-tests', async () => {
    const [first, second] = [Date.parse('2026-01-02T00:00:00Z'), Date.parse('2026-01-04T23:59:59.999Z')]
    const selftest = { client_version: 'selftest', subject: 'selftest', session: 'selftest-1' }
    await replaceRows([
      { detected_at: first },
      { detected_at: first + 1, reason: 'logout' },
      { detected_at: first + 2, reason: 'logout' },
      { detected_at: first + 3, ...selftest },
      { detected_at: first + 3, ...selftest, session: 'selftest-4', detected_by: 'sweep' },
      // These only resemble a self-test, so they are counted.
      { detected_at: first + 3, ...selftest, session: 'u-1', reason: 'displaced' },
      { detected_at: first + 3, ...selftest, session: 'selftest', reason: 'displaced' },
      { detected_at: first + 3, ...selftest, session: 'selftest-2', evidence: 'server', reason: 'displaced' },
      {
        detected_at: first + 3,
        ...selftest,
        session: 'selftest-3',
        detected_by: 'logout',
        reason: 'displaced',
      },
      { detected_at: first + 3, client_version: 'selftest', subject: null, reason: 'logout' },
      { detected_at: first + 4, client_version: null, site: 'signed', evidence: 'server' },
      { detected_at: second },
    ])
    const range = 'from=2026-01-02T00:00:00Z&to=2026-01-05T00:00:00Z'
    const all = await readSummary(range)
    expect(all).toMatchObject({ bucket: 'day', timeZone: 'UTC', from: '2026-01-02T00:00:00.000Z' })
    expect(all.buckets).toEqual([
      { start: '2026-01-02T00:00:00.000Z', counts: { displaced: 4, idle_timeout: 2, logout: 3 } },
      { start: '2026-01-04T00:00:00.000Z', counts: { idle_timeout: 1 } },
    ])
    expect(all.pastLimit.count).toBe(3)
    const readCounts = async (query: string) =>
      (await readSummary(`${range}&${query}`)).buckets.map(({ counts }) => counts)
    expect(await readCounts('site=signed')).toEqual([{ idle_timeout: 1 }])
    expect(await readCounts('evidence=self_reported&reason=logout')).toEqual([{ logout: 3 }])
    expect(await readCounts('subject=u_7')).toEqual([])
  })

  test.each([
    {
      what: 'days of 23 and 25 hours',
      query: 'timeZone=Europe/Vienna&from=2026-03-28T12:00:00Z&to=2026-10-26T23:00:00Z',
      times: [
        '2026-03-28T22:59:59.999Z',
        '2026-03-28T23:00:00Z',
        '2026-03-29T21:59:59.999Z',
        '2026-03-29T22:00:00Z',
        '2026-10-24T22:00:00Z',
        '2026-10-25T22:59:59.999Z',
        '2026-10-25T23:00:00Z',
      ],
      buckets: [
        ['2026-03-27T23:00', 1],
        ['2026-03-28T23:00', 2],
        ['2026-03-29T22:00', 1],
        ['2026-10-24T22:00', 2],
        ['2026-10-25T23:00', 1],
      ],
    },
    {
      what: 'the hour that repeats when the clocks are set back',
      query: 'bucket=hour&timeZone=Europe/Vienna&from=2026-10-25T00:00:00Z&to=2026-10-25T03:00:00Z',
      times: ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:00:00Z'],
      buckets: [
        ['2026-10-25T00:00', 1],
        ['2026-10-25T01:00', 1],
        ['2026-10-25T02:00', 1],
      ],
    },
    {
      what: 'hours of a zone with a half-hour offset',
      query: 'bucket=hour&timeZone=Asia/Kolkata&from=2026-01-02T10:00:00Z&to=2026-01-02T12:00:00Z',
      times: [
        '2026-01-02T10:29:59.999Z',
        '2026-01-02T10:30:00Z',
        '2026-01-02T11:29:59.999Z',
        '2026-01-02T11:30:00Z',
      ],
      buckets: [
        ['2026-01-02T09:30', 1],
        ['2026-01-02T10:30', 2],
        ['2026-01-02T11:30', 1],
      ],
    },
    {
      what: 'days of a zone with a 45-minute offset',
      query: 'timeZone=Asia/Kathmandu&from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z',
      times: ['2026-01-02T18:14:59.999Z', '2026-01-02T18:15:00Z'],
      buckets: [
        ['2026-01-01T18:15', 1],
        ['2026-01-02T18:15', 1],
      ],
    },
    {
      what: 'hours when the clocks change by half an hour',
      query: 'bucket=hour&timeZone=Australia/Lord_Howe&from=2026-04-04T14:00:00Z&to=2026-04-04T17:00:00Z',
      times: [
        '2026-04-04T14:30:00Z',
        '2026-04-04T15:00:00Z',
        '2026-04-04T15:29:59.999Z',
        '2026-04-04T15:30:00Z',
      ],
      buckets: [
        ['2026-04-04T14:00', 1],
        ['2026-04-04T15:00', 2],
        ['2026-04-04T15:30', 1],
      ],
    },
    {
      what: 'days of a zone whose offset once included seconds',
      query: 'timeZone=Africa/Monrovia&from=1971-06-01T00:00:00Z&to=1971-06-03T00:00:00Z',
      times: ['1971-06-01T00:44:29.999Z', '1971-06-01T00:44:30Z'],
      buckets: [
        ['1971-05-31T00:44:30', 1],
        ['1971-06-01T00:44:30', 1],
      ],
    },
  ])('The summary counts by $what', async ({ query, times, buckets }) => {
    await replaceRows(times.map((time) => ({ detected_at: Date.parse(time) })))
    const readCounts = async () =>
      (await readSummary(query)).buckets.map(({ start, counts }) => [Date.parse(start), counts.idle_timeout])
    const expected = buckets.map(([start, count]) => [Date.parse(`${start}Z`), count])
    expect(await readCounts()).toEqual(expected)
    await collector.store.rollup.rebuild()
    expect(await readCounts()).toEqual(expected)
  })

  test('The summary covers the last 30 days by default, or 2 days by hour, from the start of a bucket', async () => {
    await replaceRows([{ detected_at: Date.now() - 30 * day }, { detected_at: Date.now() - 32 * day }])
    const { buckets, from, to } = await readSummary('timeZone=Europe/Vienna')
    expect(buckets.map(({ start }) => start)).toEqual([from])
    expect(Date.now() - Date.parse(to)).toBeLessThan(minute)
    const dates = await readSummary('timeZone=Europe/Vienna&from=2026-03-01&to=2026-04-01')
    expect(dates).toMatchObject({ from: '2026-02-28T23:00:00.000Z', to: '2026-03-31T22:00:00.000Z' })
    const hours = await readSummary('bucket=hour&to=2026-01-05T10:20:00Z')
    expect(hours).toMatchObject({ from: '2026-01-03T10:00:00.000Z', to: '2026-01-05T10:20:00.000Z' })
  })

  test('The summary states how long after the limit people returned, to within 1 percent', async () => {
    const past = Array.from({ length: 500 }, (_, index) => Math.round(1.04 ** index) % (90 * day))
    const idle = { detected_at: Date.parse('2026-01-02T12:00:00Z'), idle_timeout_seconds: 1800 }
    await replaceRows([
      ...past.map((ms) => ({ ...idle, elapsed_ms: 1_800_000 + ms })),
      // Within the grace period, which counts as exactly at the limit.
      { ...idle, elapsed_ms: 1_790_001 },
      { ...idle, elapsed_ms: null },
      { ...idle, elapsed_ms: 9_000_000, reason: 'ended_early' },
      // Servers also report timeouts of users who have not come back.
      { ...idle, elapsed_ms: 9_000_000, evidence: 'server', detected_by: 'server' },
    ])
    const { pastLimit } = await readSummary('from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z')
    const sorted = [0, ...past].sort((a, b) => a - b)
    expect(pastLimit.count).toBe(sorted.length)
    for (const [share, stated] of [
      [0.5, pastLimit.p50Ms],
      [0.9, pastLimit.p90Ms],
      [0.99, pastLimit.p99Ms],
    ] as const) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
      expect(Math.abs((stated ?? Number.NaN) - exact)).toBeLessThanOrEqual(Math.max(500, exact / 100))
    }
    expect(pastLimit.histogram.map(({ count }) => count)).toEqual(
      pastLimit.histogram.map(
        ({ fromMs, toMs }) => sorted.filter((ms) => ms >= fromMs && (toMs === null || ms < toMs)).length,
      ),
    )
    await replaceRows([])
    expect((await readSummary('')).pastLimit).toMatchObject({ count: 0, p50Ms: null })
  })

  test('The summary for a token of one site counts only that site', async () => {
    await replaceRows([
      { detected_at: Date.now() - hour },
      { detected_at: Date.now() - hour, site: 'signed' },
    ])
    const { token } = await issueToken(collector.store, { site: 'signed' })
    const { buckets } = await (await get('', token)).json()
    expect(buckets.map(({ counts }: Summary['buckets'][number]) => counts)).toEqual([{ idle_timeout: 1 }])
    expect((await get('site=acme', token)).status).toBe(403)
    expect((await get('', 'none')).status).toBe(401)
  })

  test.each([
    ['bucket=fortnight&timeZone=Mars/Olympus&reason=bored', ['bucket', 'timeZone', 'reason']],
    ['timeZone=%2B05:30&limit=3', ['timeZone', 'limit']],
    ['from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z', ['to']],
    ['from=9000-01-01T00:00:00Z', ['from']],
    ['bucket=hour&from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', ['from', 'to']],
    ['from=1970-01-01T00:00:00Z&to=9999-01-01T00:00:00Z', ['from', 'to']],
  ])('The query %s gets 422, and the error lists each invalid parameter', async (query, parameters) => {
    const response = await get(query)
    expect(response.status).toBe(422)
    const { type, errors } = await response.json()
    expect(type).toBe('urn:lapse:problem:invalid-query')
    expect(errors.map(({ parameter }: { parameter: string }) => parameter).sort()).toEqual(
      [...parameters].sort(),
    )
  })
})
