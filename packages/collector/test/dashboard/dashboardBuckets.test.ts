import { afterEach, describe, expect, test } from 'vitest'
import type { Summary } from '../../dashboard/src/api/types.ts'
import { fillBuckets } from '../../dashboard/src/charts/fillBuckets.ts'
import type { Zone } from '../../dashboard/src/state/calendar.ts'
import { buckets, listBucketStarts } from '../../src/reading/buckets.ts'

// Clocks go forward at midnight in Santiago, Cairo, Havana and the Azores, and back at midnight in Havana and the
// Azores. On Lord Howe Island they change by 30 minutes.
const timeZones = [
  'America/Santiago',
  'Africa/Cairo',
  'America/Havana',
  'Atlantic/Azores',
  'Europe/Vienna',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'UTC',
]

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

function createSummary(changes: Pick<Summary, 'bucket' | 'from' | 'to'> & Partial<Summary>): Summary {
  const quantiles = { p50Ms: null, p75Ms: null, p90Ms: null, p95Ms: null, p99Ms: null }
  return {
    buckets: [],
    pastLimit: { count: 0, notReturned: 0, ...quantiles, histogram: [] },
    totals: { ended: 0, idleTimeouts: 0, returnedWithin10Minutes: 0, needReview: 0 },
    sites: [],
    ...changes,
  }
}

const fillStarts = (summary: Summary, zone: Zone = 'local') =>
  fillBuckets(summary, summary.bucket, zone).map(({ start }) => start)

describe('The chart', () => {
  test.each(timeZones)(
    'has the same hours, days, weeks and months as the collector for a year in %s',
    (timeZone) => {
      process.env.TZ = timeZone
      const period = { from: '2025-12-03T10:20:00.000Z', to: '2026-12-03T10:20:00.000Z' }
      for (const bucket of buckets) {
        const starts = listBucketStarts(
          bucket,
          timeZone,
          Date.parse(period.from),
          Date.parse(period.to),
          10_000,
        )
        const summary = createSummary({ bucket, ...period })
        expect(fillStarts(summary).map((start) => Date.parse(start))).toEqual(starts)
        const utcStarts = listBucketStarts(
          bucket,
          'UTC',
          Date.parse(period.from),
          Date.parse(period.to),
          10_000,
        )
        expect(fillStarts(summary, 'utc').map((start) => Date.parse(start))).toEqual(utcStarts)
      }
    },
  )

  test('begins with the second of two hours that have the same name', () => {
    process.env.TZ = 'Europe/Vienna'
    const period = { from: '2026-10-25T01:20:00.000Z', to: '2026-10-25T03:00:00.000Z' }
    expect(fillStarts(createSummary({ bucket: 'hour', ...period }))).toEqual([
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ])
  })

  test('keeps every counted bucket, even if the browser has other time zone rules than the collector', () => {
    process.env.TZ = 'Europe/Vienna'
    const unexpected = { start: '2026-06-02T07:00:00.000Z', counts: { logout: 3 } } as const
    const period = { from: '2026-06-01T00:00:00.000Z', to: '2026-06-04T00:00:00.000Z' }
    const summary = createSummary({ bucket: 'day', ...period, buckets: [unexpected] })
    const starts = fillStarts(summary)
    expect(fillBuckets(summary, 'day', 'local')).toContainEqual(unexpected)
    expect(starts).toEqual(starts.toSorted())
  })
})
