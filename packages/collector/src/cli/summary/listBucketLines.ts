import { Temporal } from 'temporal-polyfill'
import type { Bucket } from '../../reading/buckets.ts'
import type { Summary } from '../../reading/createSummary.ts'
import type { SummaryQuery } from '../../reading/summaryQuery.ts'
import { type ReasonCounts, sumReasons } from '../../reading/tally.ts'

/** One bucket, empty ones included. */
interface BucketLine {
  readonly label: string
  readonly start: Date
  readonly ended: number
  readonly counts: ReasonCounts
  /** The count of the bucket at the same place in the previous period. Null without one. */
  readonly previous: number | null
}

/** Lists all buckets of a summary. The summary itself leaves out empty ones. */
export function listBucketLines({ buckets, previous }: Summary, query: SummaryQuery): BucketLine[] {
  const counts = new Map(buckets.map((bucket) => [bucket.start.getTime(), bucket.counts]))
  const previousCounts = new Map(previous?.buckets.map((bucket) => [bucket.start.getTime(), bucket.counts]))
  return query.period.starts.map((start, index) => {
    const before = query.previous?.starts[index]
    return {
      label: formatStart(start, query),
      start: new Date(start),
      ended: sumReasons(counts.get(start) ?? {}),
      counts: counts.get(start) ?? {},
      previous: before === undefined ? null : sumReasons(previousCounts.get(before) ?? {}),
    }
  })
}

const lengths: Readonly<Record<Bucket, number>> = {
  hour: '2026-01-02T13:00+01:00'.length,
  day: '2026-01-02'.length,
  week: '2026-01-02'.length,
  month: '2026-01'.length,
}

function formatStart(start: number, { bucket, timeZone }: SummaryQuery): string {
  return Temporal.Instant.fromEpochMilliseconds(start)
    .toZonedDateTimeISO(timeZone)
    .toString({ timeZoneName: 'never', smallestUnit: 'minute' })
    .slice(0, lengths[bucket])
}
