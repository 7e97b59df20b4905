import { Readable } from 'node:stream'
import { z } from 'zod'
import { LapseError } from '../lapse/error.ts'
import { type LapseFilter, lapseFilterSchema } from '../lapse/filter.ts'
import { type Format, type FormatName, formatNames, formats } from '../lapse/format.ts'
import { cursorSchema, type Position, toCursor } from '../lapse/position.ts'
import { parseQuery } from '../lapse/query.ts'
import type { LapseRow } from '../lapse/row.ts'
import type { CollectorParts } from './app.ts'
import { authenticateReader, confined } from './authenticate.ts'
import type { Context, Middleware } from './context.ts'
import { reading } from './reading.ts'

const maxLimit = 1000
const defaultLimit = 50

const wholeNumber = { error: `write a whole number from 1 to ${maxLimit}` }

/** The parameters of the list. */
export const listQuerySchema = lapseFilterSchema.safeExtend({
  limit: z.coerce
    .number(wholeNumber)
    .int(wholeNumber)
    .min(1, wholeNumber)
    .max(maxLimit, wholeNumber)
    .optional(),
  cursor: cursorSchema.optional(),
  format: z.enum(['json', ...formatNames]).optional(),
})

/** `GET /v1/lapses`: the rows that match, newest first: a page of them, or as a stream all that there are. */
export function getLapses(parts: CollectorParts): Middleware {
  const { store } = parts
  return async (ctx) => {
    const token = await authenticateReader(ctx, parts)
    const { limit, cursor, format: wanted, ...given } = parseQuery(listQuerySchema, ctx.query)
    const filter = confined(token, given)
    const format = wanted ?? negotiate(ctx)
    ctx.vary('Accept')
    ctx.set('Cache-Control', 'no-store')

    if (format !== 'json' && limit === undefined) {
      await stream(ctx, store, formats[format], filter, cursor)
      return
    }
    const { rows, next } = await page(store, filter, limit ?? defaultLimit, cursor)
    if (next !== null) ctx.set('Link', `<?${withCursor(ctx.querystring, next)}>; rel="next"`)
    if (format === 'json') {
      ctx.body = { lapses: rows, next }
    } else {
      const { mediaType, head, write } = formats[format]
      ctx.type = mediaType
      ctx.body = head + write(rows)
    }
  }
}

// NDJSON is registered under no name. Both of these are in use.
const offered: ReadonlyMap<string, FormatName | 'json'> = new Map([
  ['application/json', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['text/csv', 'csv'],
])

function negotiate(ctx: Context): FormatName | 'json' {
  const accepted = ctx.accepts([...offered.keys()])
  const format = typeof accepted === 'string' && offered.get(accepted)
  if (format) return format
  throw new LapseError('not-acceptable', `Accept one of ${[...offered.keys()].join(', ')}.`)
}

async function page(
  store: CollectorParts['store'],
  filter: LapseFilter,
  limit: number,
  after: Position | undefined,
): Promise<{ rows: LapseRow[]; next: string | null }> {
  // One more tells whether there is a next page.
  const found = await reading(store.page(filter, { limit: limit + 1, after }))
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: found.length > limit && last ? toCursor(last) : null }
}

/** Answers with as many rows as there are, no faster than they are taken. */
async function stream(
  ctx: Context,
  store: CollectorParts['store'],
  { mediaType, head, write }: Format,
  filter: LapseFilter,
  after: Position | undefined,
): Promise<void> {
  const pages = store.pages(filter, after)
  // What fails before the first row can still be told as a problem; what fails later ends the connection.
  const first = await reading(pages.next())
  async function* pieces() {
    yield head + write(first.value ?? [])
    try {
      for await (const rows of pages) yield write(rows)
    } catch (error) {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'reading broke off')
      throw error
    }
  }
  ctx.type = mediaType
  ctx.body = Readable.from(pieces())
}

function withCursor(query: string, cursor: string): string {
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  return parameters.toString()
}
