import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Knex } from 'knex'
import { toStoredTime } from '../../test/databases.ts'
import { signTicket } from '../signTicket.ts'

/** What the sessions of the benchmark have in common. Times are epoch milliseconds. */
export const idleTimeoutSeconds = 1800
export const heartbeatSeconds = 300
/** The grace period and the heartbeat: how long after its expiry a session is due. */
export const slackMs = (10 + heartbeatSeconds) * 1000
export const site = {
  origins: ['https://app.acme.com'],
  idleTimeoutSeconds,
  requireTicket: true,
  ticketKeys: [{ alg: 'HS256', secret: 'env:SECRET' }],
}

const aliasLength = 24
const markerLength = 36
/** Knex inserts at most 500 rows into SQLite at once. */
const rowsPerInsert = 500

/** Aliases and markers are random in practice, so rows of neighbors are far apart in the table. */
function identifySession(index: number) {
  const hash = createHash('sha256').update(String(index)).digest('hex')
  const parts = [hash.slice(24, 32), hash.slice(32, 36), `4${hash.slice(36, 39)}`, `8${hash.slice(39, 42)}`]
  return { alias: hash.slice(0, aliasLength), marker: `${parts.join('-')}-${hash.slice(42, 54)}` }
}

/**
 * Writes the identity and the ticket of each session to a file, as records of one length.
 *
 * @returns the environment variables that tell the load generator how to read it.
 */
export function writeRecords(file: string, count: number, signedInAt: number): Record<string, string> {
  const descriptor = openSync(file, 'w')
  const claims = { iss: 'acme', sub: 'u_42', iat: Math.floor(signedInAt / 1000) }
  let recordSize = 0
  try {
    for (let first = 0; first < count; first += rowsPerInsert) {
      const records = Array.from({ length: Math.min(rowsPerInsert, count - first) }, (_, offset) => {
        const { alias, marker } = identifySession(first + offset)
        return alias + marker + signTicket({ ...claims, sid: alias })
      })
      recordSize = records[0]?.length ?? recordSize
      writeSync(descriptor, records.join(''))
    }
  } finally {
    closeSync(descriptor)
  }
  return {
    RECORDS: file,
    RECORD_SIZE: String(recordSize),
    MARKER_AT: String(aliasLength),
    TICKET_AT: String(aliasLength + markerLength),
  }
}

/** Which sessions to insert. */
interface Seed {
  readonly count: number
  /** The number of the first session. Sessions of other numbers have other aliases. */
  readonly first: number
  readonly signedInAt: number
  /** When a session is due: the expiry plus the slack. */
  getDueAt(index: number): number
  /** Is called every ten seconds. */
  onProgress?(inserted: number): void
  readonly signal: AbortSignal
}

const progressMs = 10_000

/** Inserts live sessions as reports would, with their tickets. */
export async function insertSessions(
  sql: Knex,
  { count, first, signedInAt, getDueAt, onProgress, signal }: Seed,
): Promise<void> {
  const format = (at: number) => toStoredTime(sql, at)
  const common = {
    site: 'acme',
    subject: 'u_42',
    evidence: 'signed',
    started_at: format(signedInAt),
    signed_in_at: format(signedInAt),
    clock_skew_ms: 0,
    idle_timeout_seconds: idleTimeoutSeconds,
    absolute_timeout_seconds: null,
    heartbeat_seconds: heartbeatSeconds,
    wait_ms: heartbeatSeconds * 1000 + slackMs,
    origin: 'https://app.acme.com',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    client_version: '1.0.0',
    registered_at: format(signedInAt),
    resumed_at: null,
    resumes: null,
  }
  let shownAt = performance.now()
  for (let inserted = 0; inserted < count; inserted += rowsPerInsert) {
    signal.throwIfAborted()
    const rows = Array.from({ length: Math.min(rowsPerInsert, count - inserted) }, (_, offset) => {
      const { alias, marker } = identifySession(first + inserted + offset)
      const dueAt = getDueAt(inserted + offset)
      const expiresAt = dueAt - slackMs
      const at = {
        last_access_at: format(expiresAt - idleTimeoutSeconds * 1000),
        expires_at: format(expiresAt),
        due_at: format(dueAt),
      }
      return { ...common, ...at, session_key: alias, session: alias, marker }
    })
    await sql('session_live').insert(rows)
    if (performance.now() - shownAt < progressMs) continue
    shownAt = performance.now()
    onProgress?.(inserted + rows.length)
  }
}
