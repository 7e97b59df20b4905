import type { Bucket, Summary } from '../api/types.ts'
import { startOfDay, startOfMonth, startOfWeek, type Zone } from '../state/calendar.ts'

type BucketUnit = Summary['bucket']

interface Period extends Pick<Summary, 'from' | 'to'> {
  readonly buckets: readonly Bucket[]
}

const hourMs = 3_600_000

/**
 * Adds the empty buckets that a summary leaves out. Hours begin when the local minutes are zero, longer buckets at
 * midnight of the zone.
 */
export function fillBuckets({ from, to, buckets }: Period, unit: BucketUnit, zone: Zone): Bucket[] {
  const bucketsByStart = new Map<number, Bucket>()
  let start = findFirstStart(Date.parse(from), unit, zone)
  while (start < Date.parse(to)) {
    const end = findNextStart(start, unit, zone)
    if (end > Date.parse(from)) {
      bucketsByStart.set(start, { start: new Date(start).toISOString(), counts: {} })
    }
    start = end
  }
  // Keep every counted bucket, even if the collector knows other time zone rules than the browser.
  for (const counted of buckets) bucketsByStart.set(Date.parse(counted.start), counted)
  return [...bucketsByStart].sort(([a], [b]) => a - b).map(([, filled]) => filled)
}

function findFirstStart(at: number, unit: BucketUnit, zone: Zone): number {
  switch (unit) {
    // Count from midnight: when clocks go back, the hour that contains `from` may have the same name as the one before.
    case 'hour':
    case 'day':
      return startOfDay(at, zone)
    case 'week':
      return startOfWeek(at, zone)
    case 'month':
      return startOfMonth(at, zone)
  }
}

/** Returns where the bucket that starts at `start` ends, which is where the next one starts. */
export function findNextStart(start: number, unit: BucketUnit, zone: Zone): number {
  switch (unit) {
    case 'hour':
      return findNextHour(start, zone)
    case 'day':
      return startOfDay(start, zone, 1)
    case 'week':
      return startOfWeek(start, zone, 1)
    case 'month':
      return startOfMonth(start, zone, 1)
  }
}

/** The next hour may begin only 30 minutes later, where clocks change by half an hour. */
function findNextHour(at: number, zone: Zone): number {
  const time = new Date(at)
  const minutes = zone === 'utc' ? time.getUTCMinutes() : time.getMinutes()
  return at + hourMs - minutes * 60_000 - time.getSeconds() * 1000
}
