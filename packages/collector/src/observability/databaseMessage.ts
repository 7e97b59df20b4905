import type { NewSessionEnd } from '../domain/sessionEnd.ts'

/** Messages of these codes quote the names of columns, tables and accounts, but never a value. */
const quotesOnlyNames = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_BAD_FIELD_ERROR',
  'ER_BAD_NULL_ERROR',
  'ER_BINLOG_CREATE_ROUTINE_NEED_SUPER',
  'ER_CHECK_CONSTRAINT_VIOLATED',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_DATA_TOO_LONG',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_HOST_NOT_PRIVILEGED',
  'ER_MAX_PREPARED_STMT_COUNT_REACHED',
  'ER_NO_DEFAULT_FOR_FIELD',
  'ER_NO_REFERENCED_ROW_2',
  'ER_NO_SUCH_TABLE',
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_ROW_IS_REFERENCED_2',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_WARN_DATA_OUT_OF_RANGE',
  'WARN_DATA_TRUNCATED',
])

/** An error without the values of the row that the database refused, so that it may be logged. */
class RefusedRowError extends Error {
  override readonly name = 'RefusedRowError'
}

/** Whether an error came from a database, or from knex about a statement: its message may hold values. */
function isDatabaseError(error: Error): boolean {
  return (
    'sqlState' in error ||
    'sql' in error ||
    /^(ER_|SQLITE_)/.test(codeOf(error)) ||
    hasStatement(error.message)
  )
}

/**
 * The message of an error. A database's is without the statement, which knex writes in front of it, and without values
 * of rows, which databases quote, as in "Duplicate entry 'acme-a1f' for key".
 */
export function databaseMessage(error: Error): string {
  if (!isDatabaseError(error)) return error.message
  const message = 'sqlMessage' in error ? String(error.sqlMessage) : withoutStatement(error.message)
  if (quotesOnlyNames.has(codeOf(error))) return message
  return withoutQuoted(message)
}

/** Everything from the first quotation mark on goes: a value may hold some itself, or have lost its last one. */
export function withoutQuoted(message: string): string {
  // The apostrophe in "Can't" is none.
  return message.replace(/(?<!\w)['"].*/s, "'…'")
}

/**
 * What a host's trigger raises is the host's own text. It stays, unless it has something of the row in it.
 *
 * @returns an error with the code and the message only.
 */
export function withoutValues(refusal: unknown, lapse: NewSessionEnd): Error {
  if (!(refusal instanceof Error)) return new RefusedRowError('the database gave no reason')
  const message = databaseMessage(refusal)
  const isPersonal = isRaised(refusal) && hasValueOf(lapse, message)
  const error = new RefusedRowError(
    isPersonal ? 'the message is left out: it has values of the row in it' : message,
  )
  const { code, errno, sqlState } = { code: undefined, errno: undefined, sqlState: undefined, ...refusal }
  return Object.assign(error, { code, errno, sqlState })
}

/** knex writes "STATEMENT - MESSAGE". */
function withoutStatement(message: string): string {
  return hasStatement(message) ? (message.split(' - ').at(-1) ?? '') : message
}

function hasStatement(message: string): boolean {
  return /^\s*(select|insert|update|delete|replace|with|create|drop|alter|set|show|begin)\b.* - /is.test(
    message,
  )
}

function isRaised(error: Error): boolean {
  const isSignal = 'sqlState' in error && String(error.sqlState).startsWith('45')
  return isSignal || codeOf(error) === 'SQLITE_CONSTRAINT_TRIGGER'
}

/** A database cuts a message short, so the beginning of a value is enough. */
const telling = 8

function hasValueOf(lapse: NewSessionEnd, message: string): boolean {
  const { sessionKey, marker, session, subject, origin, ip, userAgent, clientVersion } = lapse
  const values = [sessionKey, marker, session, subject, origin, ip, userAgent, clientVersion]
  const text = message.toLowerCase()
  return values.some((value) => value !== null && text.includes(value.slice(0, telling).toLowerCase()))
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : ''
}
