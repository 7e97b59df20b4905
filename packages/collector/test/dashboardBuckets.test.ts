import { afterEach, expect, test } from 'vitest'
import { fillBuckets } from '../dashboard/src/buckets.ts'
import { listBucketStarts } from '../src/reading/buckets.ts'

// In Santiago, Cairo, Havana and the Azores summer time begins at midnight; in Havana and the Azores it also ends
// there. Lord Howe's is half an hour.
const zones = [
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

const from = Date.parse('2025-12-03T10:20:00.000Z')
const to = Date.parse('2026-12-03T10:20:00.000Z')

const startsIn = (summary: Parameters<typeof fillBuckets>[0]) =>
  fillBuckets(summary).map(({ start }) => Date.parse(start))

test.each(zones)('the chart has the very hours and days of the collector, a year long, in %s', (timeZone) => {
  process.env.TZ = timeZone
  for (const bucket of ['hour', 'day'] as const) {
    const starts = listBucketStarts(bucket, timeZone, from, to, 10_000)
    const span = { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
    expect(startsIn({ bucket, ...span, buckets: [], pastLimit })).toEqual(starts)
  }
})

test('the chart begins in the very hour, of the two that bear its name in autumn', () => {
  process.env.TZ = 'Europe/Vienna'
  const span = { from: '2026-10-25T01:20:00.000Z', to: '2026-10-25T03:00:00.000Z' }
  expect(startsIn({ bucket: 'hour', ...span, buckets: [], pastLimit })).toEqual([
    Date.parse('2026-10-25T01:00:00.000Z'),
    Date.parse('2026-10-25T02:00:00.000Z'),
  ])
})

test('the chart leaves out no bucket that the collector counted, where the browser knows other rules of a zone', () => {
  process.env.TZ = 'Europe/Vienna'
  const odd = { start: '2026-06-02T07:00:00.000Z', counts: { logout: 3 } } as const
  const span = { from: '2026-06-01T00:00:00.000Z', to: '2026-06-04T00:00:00.000Z' }
  const filled = fillBuckets({ bucket: 'day', ...span, buckets: [odd], pastLimit })
  expect(filled).toContainEqual(odd)
  expect(filled.map(({ start }) => start)).toEqual(filled.map(({ start }) => start).sort())
})

const pastLimit = {
  count: 0,
  p50Ms: null,
  p75Ms: null,
  p90Ms: null,
  p95Ms: null,
  p99Ms: null,
  histogram: [],
}
