import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { listBucketStarts } from '../../src/reading/buckets.ts'

const day = 86_400_000
const list = (bucket: 'week' | 'month', timeZone: string, from: string, to: string) =>
  listBucketStarts(bucket, timeZone, Date.parse(from), Date.parse(to), 100).map((start) =>
    new Date(start).toISOString().slice(0, 16),
  )

const timeZones = [
  'UTC',
  'Europe/Vienna',
  'America/New_York',
  'Asia/Kathmandu',
  'Africa/Cairo',
  'Pacific/Apia',
]
const period = fc.record({
  timeZone: fc.constantFrom(...timeZones),
  from: fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2030, 0) }),
  length: fc.integer({ min: 1, max: 800 * day }),
})
const toLocal = (at: number, timeZone: string) =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)

describe('Weeks and months', () => {
  test('start on Monday and on the first day of the month, at local midnight', () => {
    expect(list('week', 'Europe/Vienna', '2026-03-26T12:00:00Z', '2026-04-05T22:00:00Z')).toEqual([
      '2026-03-22T23:00',
      // Clocks went forward on Sunday.
      '2026-03-29T22:00',
    ])
    expect(list('month', 'America/New_York', '2026-01-31T23:00:00Z', '2026-04-01T04:00:00Z')).toEqual([
      '2026-01-01T05:00',
      '2026-02-01T05:00',
      '2026-03-01T05:00',
    ])
    // Clocks went forward on Friday.
    expect(list('week', 'Africa/Cairo', '2026-04-23T12:00:00Z', '2026-04-28T00:00:00Z')).toEqual([
      '2026-04-19T22:00',
      '2026-04-26T21:00',
    ])
    // Clocks went forward at midnight, so the month started at 1:00.
    expect(list('month', 'America/Asuncion', '2023-10-01T05:00:00Z', '2023-10-01T06:00:00Z')).toEqual([
      '2023-10-01T04:00',
    ])
  })

  test('divide any period: the first contains its start, each starts a week or month, and none is missing', () => {
    fc.assert(
      fc.property(period, fc.constantFrom('week', 'month'), ({ timeZone, from, length }, bucket) => {
        const to = from + length
        const starts = listBucketStarts(bucket, timeZone, from, to, 2_000)
        expect(starts[0]).toBeLessThanOrEqual(from)
        expect(starts[1] ?? to).toBeGreaterThan(from)
        expect(starts.at(-1)).toBeLessThan(to)
        const shortest = bucket === 'week' ? 6 : 27
        const longest = bucket === 'week' ? 8 : 32
        for (const [index, start] of starts.entries()) {
          const local = toLocal(start, timeZone)
          expect(bucket === 'week' ? local.dayOfWeek : local.day).toBe(1)
          expect(local.startOfDay().epochMilliseconds).toBe(start)
          const next = starts[index + 1]
          if (next === undefined) continue
          expect(next - start).toBeGreaterThan(shortest * day)
          expect(next - start).toBeLessThan(longest * day)
        }
        // Every midnight of a Monday or of a first day within the period is a start.
        const following = toLocal(starts.at(-1) ?? 0, timeZone)
          .toPlainDate()
          .add(bucket === 'week' ? { weeks: 1 } : { months: 1 })
        expect(following.toZonedDateTime(timeZone).epochMilliseconds).toBeGreaterThanOrEqual(to)
      }),
    )
  })
})
