import type { Bucket, Summary } from './api.ts'

/**
 * The buckets with those that the summary leaves out because nothing is in them. They are of the viewer's time zone,
 * so that each begins where the local calendar says.
 */
export function fillBuckets({ bucket, from, to, buckets }: Summary): Bucket[] {
  const found = new Map(buckets.map((one) => [Date.parse(one.start), one]))
  const filled: Bucket[] = []
  for (let at = startOf(bucket, Date.parse(from)); at < Date.parse(to); at = next(bucket, at)) {
    filled.push(found.get(at) ?? { start: new Date(at).toISOString(), counts: {} })
  }
  return filled
}

function startOf(bucket: Summary['bucket'], at: number): number {
  const time = new Date(at)
  return bucket === 'hour' ? time.setMinutes(0, 0, 0) : time.setHours(0, 0, 0, 0)
}

function next(bucket: Summary['bucket'], at: number): number {
  if (bucket === 'hour') return at + 3_600_000
  const time = new Date(at)
  return time.setDate(time.getDate() + 1)
}
