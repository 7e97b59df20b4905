import type { RememberedLogout } from '../../domain/decisions/sessionState.ts'
import { type LiveSession, liveSessionSchema } from '../../domain/liveSession.ts'
import { toColumnName } from '../../domain/sessionEnd.ts'
import type { SessionId } from '../../recording/sessionIds.ts'
import { readTime } from '../database/storedTime.ts'

// The keys of the shape are those of its type.
const liveFields = Object.keys(liveSessionSchema.shape) as (keyof LiveSession)[]

const logoutFields = [
  'site',
  'sessionKey',
  'marker',
  'evidence',
  'detectedAt',
  'clockSkewMs',
  'receivedAt',
] as const satisfies readonly (keyof RememberedLogout)[]

/** The columns of a table in the order of its values. */
export const liveColumns: readonly string[] = liveFields.map(toColumnName)
export const logoutColumns: readonly string[] = logoutFields.map(toColumnName)
export const returnColumns = ['audit_id', 'site', 'returned_at', 'received_at'] as const

/** The columns that a SELECT reads, by the names of their fields. */
export const selectedLiveColumns = selectFields(liveFields)
export const selectedLogoutColumns = selectFields(logoutFields)

function selectFields(fields: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(fields.map((field) => [field, toColumnName(field)]))
}

/**
 * Writes columns as the list of a SELECT.
 *
 * @param columns the columns by the names of their fields.
 */
export function listColumns(columns: Readonly<Record<string, string>>, table?: string): string {
  const prefix = table === undefined ? '' : `${table}.`
  return Object.entries(columns)
    .map(([field, column]) => `${prefix}${column} as ${field}`)
    .join(', ')
}

/** Lists the values of a key. */
export const toKeyValues = ({ site, sessionKey }: SessionId) => [site, sessionKey]

type Formatted<Time> = string | number | null | Time

/** Lists the values of a live session in the order of `liveColumns`. */
export function toLiveValues<Time>(live: LiveSession, formatTime: (time: Date) => Time): Formatted<Time>[] {
  return liveFields.map((field) => format(live[field], formatTime))
}

/** Lists the values of a logout in the order of `logoutColumns`. */
export function toLogoutValues<Time>(
  logout: RememberedLogout,
  formatTime: (time: Date) => Time,
): Formatted<Time>[] {
  return logoutFields.map((field) => format(logout[field], formatTime))
}

function format<Value, Time>(value: Value | Date, formatTime: (time: Date) => Time): Value | Time {
  return value instanceof Date ? formatTime(value) : value
}

/** Converts a record of `selectedLiveColumns`. */
export function toLiveSession(record: Readonly<Record<string, unknown>>): LiveSession {
  // The record was written from a `LiveSession`, and the conversion restores its types.
  return readTimes(record) as unknown as LiveSession
}

/** Converts a record of `selectedLogoutColumns`. */
export function toRememberedLogout(record: Readonly<Record<string, unknown>>): RememberedLogout {
  // The record was written from a `RememberedLogout`, and the conversion restores its types.
  return readTimes(record) as unknown as RememberedLogout
}

/** Databases can return times as text. The names of all times end with "At". */
function readTimes(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const name in record) {
    const value = record[name]
    fields[name] = name.endsWith('At') && typeof value === 'string' ? readTime(value) : value
  }
  return fields
}
