import { z } from 'zod'
import { LapseError } from '../domain/errors.ts'
import { type Bucket, bucketStarts, buckets, isTimeZone, startOfDate } from './buckets.ts'
import { type SessionEndFilter, sessionEndFilterSchema, type TimeSpan } from './filter.ts'
import { parseQuery } from './parseQuery.ts'

/** What a summary is asked for. */
export interface SummaryQuery {
  readonly bucket: Bucket
  readonly timeZone: string
  readonly filter: SessionEndFilter & TimeSpan
  /** Where the buckets begin, in epoch milliseconds. */
  readonly starts: readonly number[]
}

/** Five years of days, twelve weeks of hours. */
export const maxBuckets = 2_000

/** How much is summed up when no beginning is named, in milliseconds. */
const defaultSpanMs: Readonly<Record<Bucket, number>> = { hour: 2 * 86_400_000, day: 30 * 86_400_000 }

export const summaryQuerySchema = sessionEndFilterSchema.safeExtend({
  bucket: z.enum(buckets).default('day'),
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'write the IANA name of a time zone, such as Europe/Vienna' })
    .default('UTC'),
})

/**
 * Checks the parameters of a summary. Without `to` it reaches to `now`; without `from` it begins with the bucket of 30
 * days (`day`) or 2 days (`hour`) before its end.
 *
 * @throws {LapseError} `invalid-query`, naming every wrong parameter.
 */
export function parseSummaryQuery(query: Parameters<typeof parseQuery>[1], now: number): SummaryQuery {
  const { bucket, timeZone, ...filter } = parseQuery(summaryQuerySchema, inItsZone(query))
  const to = filter.to ?? new Date(now)
  const earliest = filter.from?.getTime() ?? Math.max(to.getTime() - defaultSpanMs[bucket], 0)
  if (earliest >= to.getTime())
    throw invalid(['from'], 'must be earlier than "to", which is now unless given')
  const starts = bucketStarts(bucket, timeZone, earliest, to.getTime(), maxBuckets)
  if (starts.length > maxBuckets)
    throw invalid(['from', 'to'], `ask for at most ${maxBuckets} buckets: a shorter time, or bucket=day`)
  const from = filter.from ?? new Date(starts[0] ?? earliest)
  return { bucket, timeZone, filter: { ...filter, from, to }, starts }
}

/** A date is one of the time zone that is asked for. */
function inItsZone(query: Parameters<typeof parseQuery>[1]): Parameters<typeof parseQuery>[1] {
  const { timeZone, from, to } = query
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) return query
  return { ...query, from: startOfDate(from, timeZone), to: startOfDate(to, timeZone) }
}

function invalid(parameters: readonly string[], detail: string): LapseError {
  const errors = parameters.map((parameter) => ({ parameter, detail }))
  return new LapseError('invalid-query', `Correct these parameters: ${parameters.join(', ')}.`, { errors })
}
