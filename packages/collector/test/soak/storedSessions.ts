import type { Knex } from 'knex'
import { readStoredTime } from '../../../../test/databases.ts'

/** A row of the audit table, as far as the model looks at it. Times are epoch milliseconds. */
export interface StoredEnd {
  readonly id: number
  readonly sessionKey: string
  readonly revision: number
  readonly supersedes: number | null
  readonly reason: string
  readonly evidence: string
  readonly detectedBy: string
  readonly lastAccessAt: number | null
  readonly receivedAt: number
  readonly hasReturn: boolean
}

interface StoredLive {
  readonly sessionKey: string
  readonly lastAccessAt: number
  readonly dueAt: number
}

/** What the database has about one session. */
export interface StoredSession {
  /** Oldest revision first. */
  readonly rows: readonly StoredEnd[]
  readonly live: readonly StoredLive[]
}

/** Everything that a database has about sessions, by session key. */
export interface StoredSessions {
  readonly rows: ReadonlyMap<string, readonly StoredEnd[]>
  readonly live: ReadonlyMap<string, readonly StoredLive[]>
}

export async function readStoredSessions(sql: Knex): Promise<StoredSessions> {
  const returns = new Set(
    (await sql('session_return').select('audit_id')).map(({ audit_id: id }) => Number(id)),
  )
  const ends = await sql('session_audit')
    .select('id', 'session_key', 'revision', 'supersedes', 'reason', 'evidence', 'detected_by')
    .select('last_access_at', 'received_at')
    .orderBy('id')
  const live = await sql('session_live').select('session_key', 'last_access_at', 'due_at')
  return {
    rows: Map.groupBy(
      ends.map((row) => ({
        id: Number(row.id),
        sessionKey: String(row.session_key),
        revision: Number(row.revision),
        supersedes: row.supersedes === null ? null : Number(row.supersedes),
        reason: String(row.reason),
        evidence: String(row.evidence),
        detectedBy: String(row.detected_by),
        lastAccessAt: row.last_access_at === null ? null : readStoredTime(row.last_access_at),
        receivedAt: readStoredTime(row.received_at),
        hasReturn: returns.has(Number(row.id)),
      })),
      ({ sessionKey }) => sessionKey,
    ),
    live: Map.groupBy(
      live.map((row) => ({
        sessionKey: String(row.session_key),
        lastAccessAt: readStoredTime(row.last_access_at),
        dueAt: readStoredTime(row.due_at),
      })),
      ({ sessionKey }) => sessionKey,
    ),
  }
}

/** Finds what is stored under the alias of a session, and under its marker. */
export function findStoredSession(
  { rows, live }: StoredSessions,
  { session, marker = session }: { readonly session: string; readonly marker?: string },
): StoredSession {
  const keys = [...new Set([session, marker])]
  return {
    rows: keys.flatMap((key) => rows.get(key) ?? []).toSorted((a, b) => a.revision - b.revision),
    live: keys.flatMap((key) => live.get(key) ?? []),
  }
}
