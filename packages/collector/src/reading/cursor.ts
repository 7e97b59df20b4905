import { z } from 'zod'
import type { SessionEnd } from '../domain/sessionEnd.ts'
import { maxEpochMs } from '../domain/validation/fieldSchemas.ts'

/** The position of a row in lists, which are sorted by detection time and then by id. */
type Position = Pick<SessionEnd, 'detectedAt' | 'id'>

/** Where the next page of a list starts. */
export interface Cursor extends Position {
  /**
   * The highest id when the first page was read. Rows with a higher id are not on any page, and correct nothing: otherwise,
   * a session whose row is corrected between two pages would be on neither. This leaves only rows that were being committed
   * when the first page was read.
   */
  readonly upToId: number
}

/** Encodes a cursor for a URL. The format is opaque to clients and may change. */
export function formatCursor({ detectedAt, id, upToId }: Cursor): string {
  return Buffer.from(`${detectedAt.getTime()}.${id}.${upToId}`).toString('base64url')
}

/** Decodes a cursor from `formatCursor`. */
export const cursorSchema = z.string().transform((text, { addIssue }): Cursor => {
  const numbers = /^(\d{1,15})\.(\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString())
  const [time = 0, id = 0, upToId = 0] = numbers?.slice(1).map(Number) ?? []
  if (numbers && time <= maxEpochMs && Number.isSafeInteger(id) && Number.isSafeInteger(upToId)) {
    const cursor = { detectedAt: new Date(time), id, upToId }
    // The decoder ignores invalid characters and a truncated end.
    if (formatCursor(cursor) === text) return cursor
  }
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})
