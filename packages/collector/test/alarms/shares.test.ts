import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type QuarterHourCounts, toQuarterHour } from '../../src/domain/alarms/quarterHourCounts.ts'
import { findManyRefusals, type RefusalCount } from '../../src/domain/alarms/refusals.ts'
import { findUnusualShares } from '../../src/domain/alarms/unusualShares.ts'

const hour = 3_600_000
const day = 24 * hour
const now = Date.parse('2026-02-01T12:07:00Z')
const first = toQuarterHour(now - 30 * day)
const last = toQuarterHour(now)

type Rows = readonly { readonly at: number; readonly reason?: 'logout' | 'revoked'; readonly count: number }[]

function countRows(rows: Rows): QuarterHourCounts {
  const create = () => Array.from({ length: last - first + 1 }, () => 0)
  const series = (['idle_timeout', 'logout', 'revoked'] as const).map((reason) => ({
    reason,
    evidence: 'server' as const,
    counts: create(),
  }))
  for (const { at, reason = 'idle_timeout', count } of rows) {
    const found = series.find((each) => each.reason === reason)
    if (found) found.counts[toQuarterHour(at) - first] = count
  }
  return { first, series }
}

const usual: Rows = [
  ...Array.from({ length: 27 }, (_, index) => ({ at: now - (index + 2) * day, count: 90 })),
  ...Array.from({ length: 27 }, (_, index) => ({
    at: now - (index + 2) * day,
    reason: 'logout' as const,
    count: 10,
  })),
]

test('A reason is unusual with more than three times its share and at least 20 rows', () => {
  const find = (logouts: number, others: number) =>
    findUnusualShares(
      countRows([...usual, { at: now, reason: 'logout', count: logouts }, { at: now - hour, count: others }]),
      now,
    )
  expect(find(20, 20)).toEqual([
    {
      dimension: 'reason',
      value: 'logout',
      window: 'hour',
      since: Date.parse('2026-02-01T11:00:00Z'),
      count: 20,
      total: 40,
      share: 0.5,
      usualShare: 0.1,
    },
  ])
  expect(find(19, 10)).toEqual([])
  expect(find(30, 70)).toEqual([])
  expect(find(31, 69)).toMatchObject([{ value: 'logout', share: 0.31 }])
})

test('A reason is unusual if it is frequent for a day but in no hour', () => {
  const rows = Array.from({ length: 10 }, (_, index) => ({
    at: now - (index + 2) * hour,
    reason: 'logout' as const,
    count: 5,
  }))
  expect(findUnusualShares(countRows([...usual, ...rows]), now)).toMatchObject([
    { value: 'logout', window: 'day', count: 50, total: 50 },
  ])
})

test('A reason that was never seen is unusual with 20 rows', () => {
  const rows = [
    { at: now, reason: 'revoked' as const, count: 20 },
    { at: now - 1, count: 1_000 },
  ]
  expect(findUnusualShares(countRows([...usual, ...rows]), now)).toMatchObject([
    { value: 'revoked', usualShare: 0 },
  ])
})

test('A site with less than a week or a hundred rows of history has no unusual shares', () => {
  const burst = { at: now, reason: 'logout' as const, count: 1_000 }
  expect(findUnusualShares(countRows([burst]), now)).toEqual([])
  expect(findUnusualShares(countRows([burst, { at: now - 3 * day, count: 500 }]), now)).toEqual([])
  expect(findUnusualShares(countRows([burst, { at: now - 10 * day, count: 99 }]), now)).toEqual([])
  expect(findUnusualShares(countRows([burst, { at: now - 10 * day, count: 100 }]), now)).toHaveLength(1)
})

test('The same mix of reasons as ever is never unusual, whatever the volume', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 50 }),
      (a, b, factor) => {
        const days = Array.from({ length: 25 }, (_, index) => now - (index + 2) * day)
        const rows = [...days, now].flatMap((at) => {
          const times = at === now ? factor : 1
          return [
            { at, count: a * times },
            { at, reason: 'logout' as const, count: b * times },
          ]
        })
        expect(findUnusualShares(countRows(rows), now)).toEqual([])
      },
    ),
  )
})

test('Refused reports raise an alarm from 20 in an hour on, by site and kind', () => {
  const at = toQuarterHour(now)
  const refusal = {
    site: 'acme',
    kind: 'origin',
    origin: 'https://a.example',
    quarterHour: at,
    count: 9,
  } as const
  const counts: RefusalCount[] = [
    refusal,
    { ...refusal, origin: 'https://b.example', quarterHour: at - 4, count: 11 },
    { ...refusal, quarterHour: at - 5, count: 1_000 },
    { ...refusal, kind: 'ticket', origin: '', count: 19 },
    { ...refusal, site: 'other', kind: 'ticket', origin: '', count: 20 },
  ]
  const since = Date.parse('2026-02-01T11:00:00Z')
  expect(findManyRefusals(counts, now)).toEqual([
    { site: 'acme', kind: 'origin', since, count: 20, topOrigin: 'https://b.example' },
    { site: 'other', kind: 'ticket', since, count: 20, topOrigin: '' },
  ])
})
