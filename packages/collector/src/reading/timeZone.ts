import { z } from 'zod'
import { isTimeZone, toStartOfDate } from './buckets.ts'
import type { parseQuery } from './parseQuery.ts'

/** The parameter `timeZone`. */
export const timeZoneSchema = z
  .string()
  .refine(isTimeZone, { error: 'must be the IANA name of a time zone, such as Europe/Vienna' })
  .default('UTC')

type Query = Parameters<typeof parseQuery>[1]

/** Converts the dates in `from` and `to` to the instants when they begin in the requested time zone. */
export function resolveDates(query: Query): Query {
  const { timeZone, from, to } = query
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) return query
  return { ...query, from: toStartOfDate(from, timeZone), to: toStartOfDate(to, timeZone) }
}
