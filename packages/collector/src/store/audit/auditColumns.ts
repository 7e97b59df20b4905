import type { NewSessionEnd, SessionEnd } from '../../domain/sessionEnd.ts'
import { readTime } from '../database/storedTime.ts'

/** The columns of the audit table in their order, by the properties of a session end. */
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

/** The columns of an INSERT, in the order of `toColumnValues`. */
export const insertedColumns = Object.values(columns)

/** The columns of a SELECT, each by the property that it is selected as. */
export const selectedColumns = { id: 'id', ...columns }

// The keys of an object literal are the keys of its type.
const properties = Object.keys(columns) as (keyof NewSessionEnd)[]
const timeProperties = new Set<string>(['startedAt', 'lastAccessAt', 'expiredAt', 'detectedAt', 'receivedAt'])

/** Lists the values of a row in the order of `insertedColumns`. `convertTime` makes what the database driver takes. */
export function toColumnValues<Time>(sessionEnd: NewSessionEnd, convertTime: (time: Date) => Time) {
  return properties.map((property) => {
    const value = sessionEnd[property]
    return value instanceof Date ? convertTime(value) : value
  })
}

/** Converts a row that was selected by `selectedColumns`, or that was read as JSON. */
export function toSessionEnd(row: Readonly<Record<string, unknown>>): SessionEnd {
  const entries = Object.entries(row).map(([property, value]) => {
    if (value === null) return [property, null]
    if (timeProperties.has(property))
      return [property, value instanceof Date ? value : readTime(String(value))]
    return [property, property === 'browserRestarted' ? Boolean(value) : value]
  })
  // The row was written from a NewSessionEnd, and all types that change on the way are converted above.
  return Object.fromEntries(entries) as unknown as SessionEnd
}
