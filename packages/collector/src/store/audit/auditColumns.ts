import type { NewSessionEnd, SessionEnd } from '../../domain/sessionEnd.ts'
import { readTime } from '../database/storedTime.ts'

/** The columns of the audit table in their order, by the names that the rows have in TypeScript and JSON. */
const columns = {
  site: 'site',
  sessionKey: 'session_key',
  marker: 'marker',
  session: 'session',
  subject: 'subject',
  reason: 'reason',
  evidence: 'evidence',
  detectedBy: 'detected_by',
  startedAt: 'started_at',
  lastAccessAt: 'last_access_at',
  expiredAt: 'expired_at',
  detectedAt: 'detected_at',
  receivedAt: 'received_at',
  elapsedMs: 'elapsed_ms',
  idleTimeoutSeconds: 'idle_timeout_seconds',
  absoluteTimeoutSeconds: 'absolute_timeout_seconds',
  clockSkewMs: 'clock_skew_ms',
  browserRestarted: 'browser_restarted',
  origin: 'origin',
  ip: 'ip',
  userAgent: 'user_agent',
  clientVersion: 'client_version',
} as const satisfies Record<keyof NewSessionEnd, string>

/** What an INSERT names, in the order of `valuesOf`. */
export const insertedColumns = Object.values(columns)

/** What a SELECT names: each column under its name in TypeScript. */
export const selectedColumns = { id: 'id', ...columns }

// The keys of an object literal are the keys of its type.
const names = Object.keys(columns) as (keyof NewSessionEnd)[]
const times = new Set<string>(['startedAt', 'lastAccessAt', 'expiredAt', 'detectedAt', 'receivedAt'])

/** A lapse's values in the order of the columns. Times are what the database takes for them. */
export function valuesOf<Time>(lapse: NewSessionEnd, timeOf: (time: Date) => Time) {
  return names.map((name) => {
    const value = lapse[name]
    return value instanceof Date ? timeOf(value) : value
  })
}

/** What a SELECT gave, as TypeScript has it: times are instants again, and truth values true or false. */
export function rowOf(record: Readonly<Record<string, unknown>>): SessionEnd {
  const entries = Object.entries(record).map(([name, value]) => {
    if (value === null) return [name, null]
    if (times.has(name)) return [name, value instanceof Date ? value : readTime(String(value))]
    return [name, name === 'browserRestarted' ? Boolean(value) : value]
  })
  // The columns were written from a NewSessionEnd, and these are the types that change on the way.
  return Object.fromEntries(entries) as unknown as SessionEnd
}
