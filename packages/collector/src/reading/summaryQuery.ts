import { z } from 'zod'
import { dayMs } from '../domain/durations.ts'
import { LapseError } from '../domain/errors.ts'
import { type Bucket, buckets, listBucketStarts } from './buckets.ts'
import { type SessionEndFilter, sessionEndFilterSchema, type TimeSpan } from './filter.ts'
import { parseQuery } from './parseQuery.ts'
import { findPreviousPeriod } from './previousPeriod.ts'
import { resolveDates, timeZoneSchema } from './timeZone.ts'

/** A period, divided into buckets. */
export interface Period extends TimeSpan {
  /** The start of each bucket, in epoch milliseconds. */
  readonly starts: readonly number[]
}

/** The properties of rows by which a summary can count. */
export const groupings = ['subject', 'site', 'reason', 'evidence', 'origin'] as const
export type Grouping = (typeof groupings)[number]

/** The checked parameters of a summary. */
export interface SummaryQuery {
  readonly bucket: Bucket
  readonly timeZone: string
  /** Selects rows. Its time span is that of `period`. */
  readonly filter: SessionEndFilter & TimeSpan
  readonly period: Period
  /** The period to compare with, if requested. */
  readonly previous: Period | undefined
  readonly groupBy: Grouping | undefined
  /** The maximum number of groups. */
  readonly top: number
  /** Whether to count the rows with each flag. */
  readonly hasFlags: boolean
  /** Whether to count the rows that need review. */
  readonly hasReview: boolean
}

/** Five years of days, twelve weeks of hours. */
export const maxBuckets = 2_000

/** The most groups that one summary can have. */
export const maxGroups = 100
const defaultGroups = 10

/** The length of a summary without `from`. */
const defaultSpanMs: Readonly<Record<Bucket, number>> = {
  hour: 2 * dayMs,
  day: 30 * dayMs,
  week: 26 * 7 * dayMs,
  month: 365 * dayMs,
}

const topRule = { error: `must be a whole number from 1 to ${maxGroups}` }

export const summaryQuerySchema = sessionEndFilterSchema.safeExtend({
  bucket: z.enum(buckets).default('day'),
  timeZone: timeZoneSchema,
  groupBy: z.enum(groupings).optional(),
  // `z.coerce` would also accept 1e1 and 0x10.
  top: z
    .preprocess(
      (text) => (/^\d+$/.test(String(text)) ? Number(text) : text),
      z.int(topRule).min(1, topRule).max(maxGroups, topRule),
    )
    .default(defaultGroups),
  compare: z.enum(['previous']).optional(),
  flags: z.enum(['true', 'false']).default('false'),
  review: z.enum(['true', 'false']).default('true'),
})

/**
 * Checks the parameters of a summary. `to` defaults to `now`. `from` defaults to the start of the bucket that contains
 * the instant 2 days (`bucket=hour`), 30 days, 26 weeks or 365 days (`bucket=month`) before `to`. Dates are in the
 * requested time zone.
 *
 * @throws {LapseError} `invalid-query`, with an entry in `errors` for each invalid parameter.
 */
export function parseSummaryQuery(query: Parameters<typeof parseQuery>[1], now: number): SummaryQuery {
  const parameters = parseQuery(summaryQuerySchema, resolveDates(query))
  const { bucket, timeZone, groupBy, top, compare, flags, review, ...filter } = parameters
  const to = filter.to ?? new Date(now)
  const earliest = filter.from?.getTime() ?? Math.max(to.getTime() - defaultSpanMs[bucket], 0)
  if (earliest >= to.getTime())
    throw createQueryError(['from'], 'must be earlier than `to`, which defaults to now')
  const starts = listBucketStarts(bucket, timeZone, earliest, to.getTime(), maxBuckets)
  if (starts.length > maxBuckets)
    throw createQueryError(
      ['from', 'to'],
      `must span at most ${maxBuckets} buckets; shorten the time span or use longer buckets`,
    )
  const from = filter.from ?? new Date(starts[0] ?? earliest)
  const span = { from, to }
  return {
    bucket,
    timeZone,
    filter: { ...filter, ...span },
    period: { ...span, starts },
    previous: compare && divide(findPreviousPeriod(span, timeZone), bucket, timeZone),
    groupBy,
    top,
    hasFlags: flags === 'true',
    hasReview: review === 'true',
  }
}

/** Divides a period of the same length as one that has at most `maxBuckets`. Months differ in their days. */
function divide(span: TimeSpan, bucket: Bucket, timeZone: string): Period {
  const { from, to } = span
  return {
    ...span,
    starts: listBucketStarts(bucket, timeZone, from.getTime(), to.getTime(), 2 * maxBuckets),
  }
}

function createQueryError(parameters: readonly string[], detail: string): LapseError {
  const errors = parameters.map((parameter) => ({ parameter, detail }))
  return new LapseError('invalid-query', `Correct these parameters: ${parameters.join(', ')}.`, { errors })
}
