import { z } from 'zod'
import { maxLengths, sessionEndSchema, timeSchema } from '../domain/sessionEnd.ts'
import { parseJson } from '../domain/text/parseJson.ts'
import { createPlainTextSchema, maxEpochMs } from '../domain/validation/fieldSchemas.ts'
import { describeDevice } from './describeDevice.ts'
import { defaultPageSize, pageLimitSchema } from './filter.ts'
import { computeDurationMs, computeEnd } from './formats/describeSessionEnd.ts'
import type { ListedLiveSession } from './listedLiveSession.ts'
import type { ListedSessionEnd } from './listedSessionEnd.ts'

const { site, session, marker, reason, evidence, origin } = sessionEndSchema.shape

/** One session of a user, which has ended or is live. */
export const historySessionSchema = z.object({
  site,
  session,
  marker,
  startedAt: timeSchema.nullable().describe('When the session started.'),
  lastAccessAt: timeSchema.nullable().describe('When the session was last used.'),
  endedAt: timeSchema
    .nullable()
    .describe(
      'The best known time of the end: when the limit was reached, when somebody ended the session, or otherwise when it was last used. Null while the session is live.',
    ),
  durationMs: z
    .int()
    .nullable()
    .describe('Milliseconds from the start to the end, or to the last use of a live session.'),
  reason: reason.nullable().describe('Why the session ended. Null while it is live.'),
  evidence,
  device: z
    .string()
    .nullable()
    .describe('The browser and the operating system, such as `Firefox 140 on Windows`.'),
  origin,
  id: z.int().positive().nullable().describe('The `id` of the row. Null while the session is live.'),
})

export type HistorySession = Readonly<z.output<typeof historySessionSchema>>

/** The names of all fields, in the order of JSON and CSV. */
// The keys of the shape are those of its type.
export const historyFieldNames = Object.keys(historySessionSchema.shape) as (keyof HistorySession)[]

export function describeEndedSession(row: ListedSessionEnd): HistorySession {
  const { site, session, marker, startedAt, lastAccessAt, reason, evidence, origin, id } = row
  return {
    ...{ site, session, marker, startedAt, lastAccessAt },
    endedAt: computeEnd(row),
    durationMs: computeDurationMs(row) ?? null,
    ...{ reason, evidence },
    device: describeDevice(row.userAgent),
    ...{ origin, id },
  }
}

export function describeLiveSession(live: ListedLiveSession): HistorySession {
  const { site, session, marker, startedAt, lastAccessAt, evidence, origin } = live
  return {
    ...{ site, session, marker, startedAt, lastAccessAt },
    endedAt: null,
    durationMs: startedAt && Math.max(0, lastAccessAt.getTime() - startedAt.getTime()),
    ...{ reason: null, evidence },
    device: describeDevice(live.userAgent),
    ...{ origin, id: null },
  }
}

/** Whose sessions to read. */
export interface HistoryFilter {
  readonly subject: string
  readonly site?: string | undefined
}

/**
 * The position of a session in a history, which is sorted by the start, the newest first. Of those with the same start,
 * live sessions come first, by site and key, and then those that have ended, the newest row first.
 */
export interface HistoryPosition {
  /** The start in epoch milliseconds, or the earliest known time of a session whose start is unknown. */
  readonly start: number
  /** The id of the row, or site and key of the live session. */
  readonly session: number | readonly [site: string, sessionKey: string]
}

interface HistoryPage {
  readonly sessions: readonly HistorySession[]
  /** Undefined if this is the last page. */
  readonly next: HistoryPosition | undefined
}

export interface HistoryRepository {
  /**
   * Reads one page of a user's sessions. A session that was used again after its end is listed as live.
   *
   * @throws {StorageError} when the database cannot be used.
   */
  readPage(
    filter: HistoryFilter,
    page: { readonly limit: number; readonly after?: HistoryPosition | undefined },
  ): Promise<HistoryPage>
}

/** Encodes a position for a URL. The format is opaque to clients and may change. */
export function formatHistoryCursor({ start, session }: HistoryPosition): string {
  return Buffer.from(JSON.stringify([start, session])).toString('base64url')
}

const decodedSchema = z.tuple([
  z.int().min(0).max(maxEpochMs),
  z.union([z.int().min(0), z.tuple([z.string().max(maxLengths.site), z.string().max(maxLengths.id)])]),
])

const historyCursorSchema = z.string().transform((text, { addIssue }): HistoryPosition => {
  const decoded = decodedSchema.safeParse(parseJson(Buffer.from(text, 'base64url').toString()))
  if (decoded.success) {
    const [start, session] = decoded.data
    // The decoder ignores invalid characters and a truncated end.
    if (formatHistoryCursor({ start, session }) === text) return { start, session }
  }
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})

export const historyQuerySchema = z.strictObject({
  subject: createPlainTextSchema(maxLengths.id),
  site: createPlainTextSchema(maxLengths.site).optional(),
  limit: pageLimitSchema.default(defaultPageSize),
  cursor: historyCursorSchema.optional(),
})
