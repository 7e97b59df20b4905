import { z } from 'zod'
import { cursorSchema } from './cursor.ts'
import { feedStartSchema } from './feed.ts'
import { pageLimitSchema, sessionEndSelectionSchema } from './filter.ts'
import { formatNames } from './formats/formats.ts'
import { parseQuery } from './parseQuery.ts'
import { defaultSort, sorts } from './sort.ts'
import { resolveDates, timeZoneSchema } from './timeZone.ts'

const booleanSchema = z.enum(['true', 'false']).default('false')

export const listQuerySchema = sessionEndSelectionSchema
  .safeExtend({
    timeZone: timeZoneSchema,
    sort: z.enum(sorts).optional(),
    limit: pageLimitSchema.optional(),
    cursor: cursorSchema.optional(),
    after: feedStartSchema.optional(),
    count: booleanSchema,
    download: booleanSchema,
    format: z.enum(['json', ...formatNames]).optional(),
  })
  .refine(({ cursor, sort = defaultSort }) => cursor === undefined || cursor.sort === sort, {
    path: ['cursor'],
    error: 'must be the `next` of an earlier response with the same `sort`',
  })

/** The checked parameters of a list. */
export type ListQuery = ReturnType<typeof parseListQuery>

/**
 * Checks the parameters of a list. Dates are in the requested time zone.
 *
 * @throws {LapseError} `invalid-query`, with an entry in `errors` for each invalid parameter.
 */
export function parseListQuery(query: Parameters<typeof parseQuery>[1]) {
  const { timeZone, sort, limit, cursor, after, count, download, format, ...selection } = parseQuery(
    listQuerySchema,
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
