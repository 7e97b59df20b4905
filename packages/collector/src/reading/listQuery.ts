import { z } from 'zod'
import { cursorSchema } from './cursor.ts'
import { feedStartSchema } from './feed.ts'
import { feedSelectionSchema, pageLimitSchema, sessionEndSelectionSchema } from './filter.ts'
import { formatNames } from './formats/formats.ts'
import { parseQuery } from './parseQuery.ts'
import { defaultSort, sorts } from './sort.ts'
import { resolveDates, timeZoneSchema } from './timeZone.ts'

const booleanSchema = z.enum(['true', 'false']).default('false')

const listParameters = {
  timeZone: timeZoneSchema,
  sort: z.enum(sorts).optional(),
  limit: pageLimitSchema.optional(),
  cursor: cursorSchema.optional(),
  after: feedStartSchema.optional(),
  count: booleanSchema,
  download: booleanSchema,
  format: z.enum(['json', ...formatNames]).optional(),
}

export const listQuerySchema = sessionEndSelectionSchema
  .safeExtend(listParameters)
  .refine(({ cursor, sort = defaultSort }) => cursor === undefined || cursor.sort === sort, {
    path: ['cursor'],
    error: 'must be the `next` of an earlier response with the same `sort`',
  })

/** The parameters of a list with `after`. */
const feedQuerySchema = feedSelectionSchema.safeExtend(listParameters)

/** The checked parameters of a list. */
export type ListQuery = ReturnType<typeof parseListQuery>

/**
 * Checks the parameters of a list. Dates are in the requested time zone.
 *
 * @throws {LapseError} `invalid-query`, with an entry in `errors` for each invalid parameter.
 */
export function parseListQuery(query: Parameters<typeof parseQuery>[1]) {
  const { timeZone, sort, limit, cursor, after, count, download, format, ...selection } = parseQuery(
    query.after === undefined ? listQuerySchema : feedQuerySchema,
    resolveDates(query),
  )
  const page = { sort: sort ?? defaultSort, limit, cursor, after }
  return {
    selection,
    ...page,
    timeZone,
    isCounted: count === 'true',
    isDownload: download === 'true',
    requestedFormat: format,
  }
}
