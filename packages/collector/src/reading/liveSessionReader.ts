import { z } from 'zod'
import { maxLengths } from '../domain/sessionEnd.ts'
import { parseJson } from '../domain/text/parseJson.ts'
import { createPlainTextSchema } from '../domain/validation/fieldSchemas.ts'
import type { ListedLiveSession } from './listedLiveSession.ts'

/** Selects the live sessions that match every field. */
export const liveSessionFilterSchema = z.strictObject({
  site: createPlainTextSchema(maxLengths.site).optional(),
  subject: createPlainTextSchema(maxLengths.id).optional(),
})

export type LiveSessionFilter = Readonly<z.output<typeof liveSessionFilterSchema>>

/** The position of a live session in lists, which are sorted by site and then by session key. */
export type LivePosition = Pick<ListedLiveSession, 'site' | 'sessionKey'>

export interface LivePage {
  /** The maximum number of sessions. */
  readonly limit: number
  /** Where the page starts: after this session. */
  readonly after?: LivePosition | undefined
}

/**
 * Reads live sessions.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface LiveSessionReader {
  /** Reads one page. */
  readPage(filter: LiveSessionFilter, page: LivePage): Promise<ListedLiveSession[]>
  /** Reads all sessions, a few hundred at a time. Sessions that start or end in between cause no repeats. */
  readPages(filter: LiveSessionFilter): AsyncGenerator<ListedLiveSession[], void, void>
}

/** Encodes a position for a URL. The format is opaque to clients and may change. */
export function toLiveCursor({ site, sessionKey }: LivePosition): string {
  return Buffer.from(JSON.stringify([site, sessionKey])).toString('base64url')
}

const decodedSchema = z.tuple([z.string().max(maxLengths.site), z.string().max(maxLengths.id)])

/** Decodes a cursor from `toLiveCursor`. */
export const liveCursorSchema = z.string().transform((cursor, { addIssue }): LivePosition => {
  const decoded = decodedSchema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()))
  if (decoded.success) {
    const [site, sessionKey] = decoded.data
    // The decoder ignores invalid characters and a truncated end.
    if (toLiveCursor({ site, sessionKey }) === cursor) return { site, sessionKey }
  }
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})
