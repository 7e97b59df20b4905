import type { Bucket, Summary } from '../api/types.ts'

const hourMs = 3_600_000

/** Adds the empty buckets that a summary leaves out. Buckets begin at full hours or midnights of the user's time zone. */
export function fillBuckets({ bucket, from, to, buckets }: Summary): Bucket[] {
  const bucketsByStart = new Map<number, Bucket>()
  // Count from midnight: when clocks go back, the hour that contains `from` may have the same name as the one before.
  let start = findStartOfDay(Date.parse(from))
  while (start < Date.parse(to)) {
    const end = bucket === 'hour' ? findNextHour(start) : findStartOfDay(start, 1)
    if (end > Date.parse(from)) {
      bucketsByStart.set(start, { start: new Date(start).toISOString(), counts: {} })
    }
    start = end
  }
  // Keep every counted bucket, even if the collector knows other time zone rules than the browser.
  for (const counted of buckets) bucketsByStart.set(Date.parse(counted.start), counted)
  return [...bucketsByStart].sort(([a], [b]) => a - b).map(([, filled]) => filled)
}

/** The next hour may begin only 30 minutes later, where clocks change by half an hour. */
function findNextHour(at: number): number {
  const time = new Date(at)
  return at + hourMs - time.getMinutes() * 60_000 - time.getSeconds() * 1000
}

/** Finds the first instant of a day, which is not midnight if clocks go forward then. */
function findStartOfDay(at: number, daysLater = 0): number {
  const time = new Date(at)
  time.setDate(time.getDate() + daysLater)
  return time.setHours(0, 0, 0, 0)
}
