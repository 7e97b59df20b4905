import { z } from 'zod'
import { LapseError } from '../../domain/errors.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { cursorSchema, type Position, toCursor } from '../../reading/cursor.ts'
import { type SessionEndFilter, sessionEndFilterSchema } from '../../reading/filter.ts'
import { type FormatName, formatNames, formats } from '../../reading/formats/formats.ts'
import { parseQuery } from '../../reading/parseQuery.ts'
import type { Context, Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { reading } from '../reading.ts'
import { authenticateReader, confined } from '../request/authenticate.ts'
import { exportSessionEnds } from './exportSessionEnds.ts'
import { createExportSlots } from './exportSlots.ts'

const maxLimit = 1000
const defaultLimit = 50

const wholeNumber = { error: `write a whole number from 1 to ${maxLimit}` }

/** The parameters of the list. */
export const listQuerySchema = sessionEndFilterSchema.safeExtend({
  // Not `z.coerce`, which would also read 1e3 and 0x10.
  limit: z
    .preprocess(
      (text) => (/^\d+$/.test(String(text)) ? Number(text) : text),
      z.int(wholeNumber).min(1, wholeNumber).max(maxLimit, wholeNumber),
    )
    .optional(),
  cursor: cursorSchema.optional(),
  format: z.enum(['json', ...formatNames]).optional(),
})

/** `GET /v1/lapses`: the rows that match, newest first: a page of them, or as a stream all that there are. */
export function listSessionEnds(parts: CollectorParts): Middleware {
  const { store } = parts
  const slots = createExportSlots()
  return async (ctx) => {
    const reader = await authenticateReader(ctx, parts)
    const { limit, cursor, format: wanted, ...given } = parseQuery(listQuerySchema, ctx.query)
    const filter = confined(reader.token, given)
    const { format, isJson } = chosen(ctx, wanted)
    ctx.vary('Accept')
    ctx.set('Cache-Control', 'no-store')

    const { mediaType, head, write } = formats[format]
    if (!isJson && limit === undefined) {
      await exportSessionEnds(ctx, store, slots, { reader, format: formats[format], filter, after: cursor })
      return
    }
    const { rows, next } = await page(store, filter, limit ?? defaultLimit, cursor)
    if (next !== null) ctx.set('Link', `<?${withCursor(ctx.querystring, next)}>; rel="next"`)
    if (isJson) {
      const lapses = rows.map((row) => write([row]).trimEnd())
      ctx.type = 'application/json'
      ctx.body = `{"lapses":[${lapses.join()}],"next":${JSON.stringify(next)}}`
    } else {
      ctx.type = mediaType
      ctx.body = head + write(rows)
    }
  }
}

/** What a row is written as, and whether the rows are one JSON text, each what it is in a line of NDJSON. */
interface Choice {
  readonly format: FormatName
  readonly isJson: boolean
}

const json: Choice = { format: 'ndjson', isJson: true }
const ndjson: Choice = { format: 'ndjson', isJson: false }
// NDJSON is registered under no name. Both of these are in use.
const offered = new Map<string, Choice>([
  ['application/json', json],
  ['application/x-ndjson', ndjson],
  ['application/ndjson', ndjson],
  ['text/csv', { format: 'csv', isJson: false }],
])

function chosen(ctx: Context, wanted: FormatName | 'json' | undefined): Choice {
  if (wanted === 'json') return json
  if (wanted === 'ndjson' || wanted === 'csv') return { format: wanted, isJson: false }
  // Events for a SIEM are lines, unless JSON is asked for by its name.
  if (wanted)
    return {
      format: wanted,
      isJson: accepted(ctx, ['application/x-ndjson', 'application/json']) === 'application/json',
    }
  const choice = offered.get(accepted(ctx, [...offered.keys()]) ?? '')
  if (choice) return choice
  throw new LapseError('not-acceptable', `Accept one of ${[...offered.keys()].join(', ')}.`)
}

/** The type that the client likes best. Parameters such as `charset`, by which none of them differs, are passed over. */
function accepted(ctx: Context, types: readonly string[]): string | undefined {
  const { accept } = ctx.req.headers
  if (accept !== undefined) ctx.req.headers.accept = accept.replaceAll(/;\s*(?!q\s*=)[^;,]*/gi, '')
  const type = ctx.accepts([...types])
  return typeof type === 'string' ? type : undefined
}

async function page(
  store: CollectorParts['store'],
  filter: SessionEndFilter,
  limit: number,
  after: Position | undefined,
): Promise<{ rows: SessionEnd[]; next: string | null }> {
  // One more tells whether there is a next page.
  const found = await reading(store.sessionEnds.page(filter, { limit: limit + 1, after }))
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: found.length > limit && last ? toCursor(last) : null }
}

function withCursor(query: string, cursor: string): string {
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  return parameters.toString()
}
