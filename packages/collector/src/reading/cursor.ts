import { z } from 'zod'
import type { SessionEnd } from '../domain/sessionEnd.ts'
import { maxEpochMs } from '../domain/validation/fieldSchemas.ts'

/** The position of a row in lists, which are sorted by detection time and then by id. */
export type Position = Pick<SessionEnd, 'detectedAt' | 'id'>

/** Encodes a position for a URL. The format is opaque to clients and may change. */
export function toCursor({ detectedAt, id }: Position): string {
  return Buffer.from(`${detectedAt.getTime()}.${id}`).toString('base64url')
}

/** Decodes a cursor from `toCursor`. */
export const cursorSchema = z.string().transform((cursor, { addIssue }): Position => {
  const [, time, id] = /^(\d{1,15})\.(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (time !== undefined && Number(time) <= maxEpochMs && Number.isSafeInteger(Number(id))) {
    const position = { detectedAt: new Date(Number(time)), id: Number(id) }
    // The decoder ignores invalid characters and a truncated end.
    if (toCursor(position) === cursor) return position
  }
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})
