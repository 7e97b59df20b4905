/**
 * When a trigger inserts into a table of the application, it can fail with these codes, which have no specific
 * SQLSTATE.
 */
const refusalCodes = [
  'ER_NO_DEFAULT_FOR_FIELD',
  'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
  'WARN_DATA_TRUNCATED',
  'ER_CHECK_CONSTRAINT_VIOLATED',
]

/**
 * Returns whether the database refused the data of a statement. Other errors mean that it could not run the statement.
 * Refusals are data exceptions, violated constraints, and errors that triggers raise. In MySQL and MariaDB these are
 * the classes 22, 23 and 45 of SQLSTATE and a few codes, in SQLite `SQLITE_CONSTRAINT`.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('sqlState' in error && /^(22|23|45)/.test(String(error.sqlState))) return true
  if (!('code' in error)) return false
  const code = String(error.code)
  return code.startsWith('SQLITE_CONSTRAINT') || refusalCodes.includes(code)
}
