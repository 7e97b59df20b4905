import { z } from 'zod'
import { dayMs } from '../domain/durations.ts'
import { LapseError } from '../domain/errors.ts'
import { type Bucket, buckets, isTimeZone, listBucketStarts, toStartOfDate } from './buckets.ts'
import { type SessionEndFilter, sessionEndFilterSchema, type TimeSpan } from './filter.ts'
import { parseQuery } from './parseQuery.ts'

/** The checked parameters of a summary. */
export interface SummaryQuery {
  readonly bucket: Bucket
  readonly timeZone: string
  readonly filter: SessionEndFilter & TimeSpan
  /** The start of each bucket, in epoch milliseconds. */
  readonly starts: readonly number[]
}

/** Five years of days, twelve weeks of hours. */
export const maxBuckets = 2_000

/** The length of a summary without `from`. */
const defaultSpanMs: Readonly<Record<Bucket, number>> = { hour: 2 * dayMs, day: 30 * dayMs }

export const summaryQuerySchema = sessionEndFilterSchema.safeExtend({
  bucket: z.enum(buckets).default('day'),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'must be the IANA name of a time zone, such as Europe/Vienna' })
    .default('UTC'),
})

/**
 * Checks the parameters of a summary. `to` defaults to `now`. `from` defaults to the start of the bucket that contains
 * the instant 30 days (`bucket=day`) or 2 days (`bucket=hour`) before `to`. Dates are in the requested time zone.
 *
 * @throws {LapseError} `invalid-query`, with an entry in `errors` for each invalid parameter.
 */
export function parseSummaryQuery(query: Parameters<typeof parseQuery>[1], now: number): SummaryQuery {
  const { bucket, timeZone, ...filter } = parseQuery(summaryQuerySchema, resolveDates(query))
  const to = filter.to ?? new Date(now)
  const earliest = filter.from?.getTime() ?? Math.max(to.getTime() - defaultSpanMs[bucket], 0)
  if (earliest >= to.getTime())
    throw createQueryError(['from'], 'must be earlier than `to`, which defaults to now')
  const starts = listBucketStarts(bucket, timeZone, earliest, to.getTime(), maxBuckets)
  if (starts.length > maxBuckets)
    throw createQueryError(
      ['from', 'to'],
      `must span at most ${maxBuckets} buckets; shorten the time span or use bucket=day`,
    )
  const from = filter.from ?? new Date(starts[0] ?? earliest)
  return { bucket, timeZone, filter: { ...filter, from, to }, starts }
}

/** Converts dates to the instants when they begin in the requested time zone. */
function resolveDates(query: Parameters<typeof parseQuery>[1]): Parameters<typeof parseQuery>[1] {
  const { timeZone, from, to } = query
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) return query
  return { ...query, from: toStartOfDate(from, timeZone), to: toStartOfDate(to, timeZone) }
}

function createQueryError(parameters: readonly string[], detail: string): LapseError {
  const errors = parameters.map((parameter) => ({ parameter, detail }))
  return new LapseError('invalid-query', `Correct these parameters: ${parameters.join(', ')}.`, { errors })
}
