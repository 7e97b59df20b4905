import { z } from 'zod'
import { maxLengths, type SessionEnd } from '../domain/sessionEnd.ts'
import { parseJson } from '../domain/text/parseJson.ts'
import { maxEpochMs } from '../domain/validation/fieldSchemas.ts'
import { getSortFields, type Sort, sorts } from './sort.ts'

/** Where the next page of a list starts. */
export interface Cursor {
  readonly sort: Sort
  /** The values of the last row in the fields that the list is sorted by. Times are epoch milliseconds. */
  readonly position: readonly (string | number | null)[]
  /**
   * The highest id when the first page was read. Rows with a higher id are not on any page, and correct nothing: otherwise,
   * a session whose row is corrected between two pages would be on neither. This leaves only rows that were being committed
   * when the first page was read.
   */
  readonly upToId: number
}

/** Creates the cursor of the page after a row. */
export function createCursor(sort: Sort, row: SessionEnd, upToId: number): Cursor {
  const position = getSortFields(sort).map((field) => {
    const value = row[field]
    return value instanceof Date ? value.getTime() : value
  })
  return { sort, position, upToId }
}

/** Encodes a cursor for a URL. The format is opaque to clients and may change. */
export function formatCursor({ sort, position, upToId }: Cursor): string {
  return Buffer.from(JSON.stringify([sort, upToId, ...position])).toString('base64url')
}

const time = z.int().min(0).max(maxEpochMs)
const fieldSchemas = {
  id: z.int().min(0),
  detectedAt: time,
  receivedAt: time,
  elapsedMs: z.int().nullable(),
  subject: z.string().max(maxLengths.id).nullable(),
}
const decodedSchema = z.tuple([z.enum(sorts), z.int().min(0)], z.unknown())

/** Decodes a cursor from `formatCursor`. */
export const cursorSchema = z.string().transform((text, { addIssue }): Cursor => {
  const cursor = decodeCursor(text)
  // The decoder ignores invalid characters and a truncated end.
  if (cursor && formatCursor(cursor) === text) return cursor
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})

function decodeCursor(text: string): Cursor | undefined {
  const decoded = decodedSchema.safeParse(parseJson(Buffer.from(text, 'base64url').toString()))
  if (!decoded.success) return undefined
  const [sort, upToId, ...values] = decoded.data
  const fields = getSortFields(sort)
  const position = values.flatMap((value, index) => {
    const field = fields[index]
    const parsed = field && fieldSchemas[field].safeParse(value)
    return parsed?.success ? [parsed.data] : []
  })
  return position.length === fields.length ? { sort, position, upToId } : undefined
}
