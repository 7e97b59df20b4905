import type { NewSessionEnd } from '../domain/sessionEnd.ts'
import { readErrorCode } from '../domain/thrownError.ts'

/** Messages with these codes quote the names of columns, tables and accounts, but never a value. */
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

/** A refused row's error without the values of the row, so that it can be logged. */
class RefusedRowError extends Error {
  override readonly name = 'RefusedRowError'
}

/** Returns whether the message may contain values: the error is from a database, or from knex and about a statement. */
function isDatabaseError(error: Error): boolean {
  return (
    'sqlState' in error ||
    'sql' in error ||
    /^(ER_|SQLITE_)/.test(readErrorCode(error) ?? '') ||
    hasStatement(error.message)
  )
}

/**
 * Returns an error's message without values of rows. It removes the statement that knex puts before a database's
 * message, and what databases quote, as in "Duplicate entry 'acme-a1f' for key".
 */
export function describeDatabaseError(error: Error): string {
  if (!isDatabaseError(error)) return error.message
  const message = 'sqlMessage' in error ? String(error.sqlMessage) : removeStatement(error.message)
  if (quotesOnlyNames.has(readErrorCode(error) ?? '')) return message
  return removeQuoted(message)
}

/** Removes everything after the first quotation mark: a quoted value can contain more of them, or be cut off. */
export function removeQuoted(message: string): string {
  // The apostrophe in "Can't" is not a quotation mark.
  return message.replace(/(?<!\w)['"].*/s, "'…'")
}

/** The texts of a row that can be personal. */
type RowTexts = Pick<
  NewSessionEnd,
  'sessionKey' | 'marker' | 'session' | 'subject' | 'origin' | 'ip' | 'userAgent' | 'clientVersion'
>

/**
 * Removes the values of a row from the error that refused it. If a trigger of the application raised the message, it is
 * kept unless it contains a value of the row.
 *
 * @returns an error with the code and the message only.
 */
export function removeRowValues(refusal: unknown, texts: RowTexts): Error {
  if (!(refusal instanceof Error)) return new RefusedRowError('the database gave no reason')
  const message = describeDatabaseError(refusal)
  const isPersonal = isRaisedByTrigger(refusal) && containsValue(message, texts)
  const error = new RefusedRowError(
    isPersonal ? 'the message is omitted because it contains values of the row' : message,
  )
  const { code, errno, sqlState } = { code: undefined, errno: undefined, sqlState: undefined, ...refusal }
  return Object.assign(error, { code, errno, sqlState })
}

/** knex writes "STATEMENT - MESSAGE". */
function removeStatement(message: string): string {
  return hasStatement(message) ? (message.split(' - ').at(-1) ?? '') : message
}

function hasStatement(message: string): boolean {
  return /^\s*(select|insert|update|delete|replace|with|create|drop|alter|set|show|begin)\b.* - /is.test(
    message,
  )
}

function isRaisedByTrigger(error: Error): boolean {
  const isSignal = 'sqlState' in error && String(error.sqlState).startsWith('45')
  return isSignal || readErrorCode(error) === 'SQLITE_CONSTRAINT_TRIGGER'
}

/** Databases shorten messages, so the first characters of a value have to be enough. */
const comparedLength = 8

function containsValue(message: string, texts: RowTexts): boolean {
  const { sessionKey, marker, session, subject, origin, ip, userAgent, clientVersion } = texts
  const values = [sessionKey, marker, session, subject, origin, ip, userAgent, clientVersion]
  const text = message.toLowerCase()
  return values.some((value) => value !== null && text.includes(value.slice(0, comparedLength).toLowerCase()))
}
