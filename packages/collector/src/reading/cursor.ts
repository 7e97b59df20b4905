import { z } from 'zod'
import { maxTime } from '../domain/endReport.ts'
import type { SessionEnd } from '../domain/sessionEnd.ts'

/** Where a row stands in the order of the lists: by its detection, and among equals by its id. */
export type Position = Pick<SessionEnd, 'detectedAt' | 'id'>

/** The position as a URL carries it. Its form may change: it is not for reading. */
export function toCursor({ detectedAt, id }: Position): string {
  return Buffer.from(`${detectedAt.getTime()}.${id}`).toString('base64url')
}

/** A cursor that `toCursor` made. */
export const cursorSchema = z.string().transform((cursor, { addIssue }): Position => {
  const [, time, id] = /^(\d{1,15})\.(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (time !== undefined && Number(time) <= maxTime && Number.isSafeInteger(Number(id))) {
    const position = { detectedAt: new Date(Number(time)), id: Number(id) }
    // Decoding passes over what is no base64url, and over a lost end.
    if (toCursor(position) === cursor) return position
  }
  addIssue('give the "next" of an answer, as it was')
  return z.NEVER
})
