// What a table of the host's may say to a trigger's row, and MySQL and MariaDB have no SQLSTATE for.
const refusalCodes = [
  'ER_NO_DEFAULT_FOR_FIELD',
  'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
  'WARN_DATA_TRUNCATED',
  'ER_CHECK_CONSTRAINT_VIOLATED',
]

/**
 * Whether a database refused what a statement wanted to write, rather than being unable to run it: data exceptions,
 * violated constraints and what triggers raise. These are classes 22, 23 and 45 of SQLSTATE, and some more; in SQLite,
 * `SQLITE_CONSTRAINT`.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('sqlState' in error && /^(22|23|45)/.test(String(error.sqlState))) return true
  if (!('code' in error)) return false
  const code = String(error.code)
  return code.startsWith('SQLITE_CONSTRAINT') || refusalCodes.includes(code)
}
