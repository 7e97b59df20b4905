import { type NewSessionEnd, type SessionEnd, sessionEndFields } from '../../domain/sessionEnd.ts'
import { readTime } from '../database/storedTime.ts'

// The database assigns the id.
const insertedFields = sessionEndFields.filter(({ name }) => name !== 'id')

/** The columns that an INSERT sets, in the order of `toColumnValues`. */
export const insertedColumns: readonly string[] = insertedFields.map(({ column }) => column)

/** The columns that a SELECT reads, by the names of their fields. */
export const selectedColumns: Readonly<Record<string, string>> = Object.fromEntries(
  sessionEndFields.map(({ name, column }) => [name, column]),
)

/** The same columns of the rows `a`. */
export const prefixedColumns: Readonly<Record<string, string>> = Object.fromEntries(
  sessionEndFields.map(({ name, column }) => [name, `a.${column}`]),
)

// Every field but the id is one of a new row.
const insertedNames = insertedFields.map(({ name }) => name as keyof NewSessionEnd)
const kinds = new Map<string, string>(sessionEndFields.map(({ name, kind }) => [name, kind]))

/**
 * Lists the values of a row in the order of `insertedColumns`.
 *
 * @param formatTime converts a time to a value for the database.
 */
export function toColumnValues<Time>(row: NewSessionEnd, formatTime: (time: Date) => Time) {
  return insertedNames.map((name) => {
    const value = row[name]
    return value instanceof Date ? formatTime(value) : value
  })
}

/** Converts a record of `selectedColumns`: databases return times as text, and booleans as numbers. */
export function toSessionEnd(record: Readonly<Record<string, unknown>>): SessionEnd {
  const row: Record<string, unknown> = {}
  for (const name in record) row[name] = toFieldValue(record[name], kinds.get(name))
  // The record was written from a `NewSessionEnd`, and the conversions restore its types.
  return row as unknown as SessionEnd
}

function toFieldValue(value: unknown, kind: string | undefined): unknown {
  if (value === null) return null
  if (kind === 'time') return value instanceof Date ? value : readTime(String(value))
  return kind === 'boolean' ? Boolean(value) : value
}
