import type { Bucket, Summary } from '../api/fetchJson.ts'

/**
 * The buckets with those that the summary leaves out because nothing is in them. They are of the viewer's time zone,
 * so that each begins where the local calendar says.
 */
export function fillBuckets({ bucket, from, to, buckets }: Summary): Bucket[] {
  const filled = new Map<number, Bucket>()
  // Midnight is certain; the hour of `from` may be the second of its name.
  let at = startOfDay(Date.parse(from))
  while (at < Date.parse(to)) {
    const next = bucket === 'hour' ? hourAfter(at) : startOfDay(at, 1)
    if (next > Date.parse(from)) filled.set(at, { start: new Date(at).toISOString(), counts: {} })
    at = next
  }
  // What was counted is shown, even where the browser and the collector know different rules of the zone.
  for (const counted of buckets) filled.set(Date.parse(counted.start), counted)
  return [...filled].sort(([a], [b]) => a - b).map(([, one]) => one)
}

/** Half an hour on, where the clocks of the zone have been changed by as much. */
function hourAfter(at: number): number {
  const time = new Date(at)
  return at + 3_600_000 - time.getMinutes() * 60_000 - time.getSeconds() * 1000
}

/** The first instant of a day, so many days on: midnight, or an hour later where summer time begins then. */
function startOfDay(at: number, days = 0): number {
  const time = new Date(at)
  time.setDate(time.getDate() + days)
  return time.setHours(0, 0, 0, 0)
}
