import mysql, { type Connection, type ExecuteValues, type QueryError } from 'mysql2'

const { TINY, LONGLONG } = mysql.TypedParameter

/**
 * Runs a statement. Its values are sent as parameters of a prepared statement, never as text: the meaning of a quote or
 * a backslash in text depends on the server's settings. Only a statement without values is sent as text, because MySQL
 * cannot prepare every DDL statement.
 */
export function runStatement(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<[result: unknown, fields: unknown]> {
  return new Promise((resolve, reject) => {
    const finish = (error: QueryError | null, result: unknown, fields: unknown) => {
      if (error) reject(error)
      else resolve([result, fields])
    }
    if (values.length === 0) connection.query(sql, finish)
    else connection.execute(sql, values.map(toParameter), finish)
  })
}

/** Runs a statement. The caller names the type of its result. */
export async function execute<Result>(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Result> {
  const [result] = await runStatement(connection, sql, values)
  // Only the caller, who wrote the statement, knows the type of its result.
  return result as Result
}

/** Converts a value to what the driver sends for a parameter. */
function toParameter(value: unknown): ExecuteValues {
  if (value === undefined || value === null) return null
  if (value instanceof Date) return toDatetime(value)
  if (typeof value === 'boolean') return TINY(Number(value))
  // The driver would send numbers as DOUBLE, which MySQL rejects in LIMIT and rounds in BIGINT.
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)))
    return LONGLONG(BigInt(value))
  if (typeof value === 'string' || typeof value === 'number' || Buffer.isBuffer(value)) return value
  throw new TypeError(`A ${typeof value} cannot be a value of an SQL statement.`)
}

/** Formats an instant as a `DATETIME(3)` in UTC, the time zone of every connection. */
export function toDatetime(time: Date): string {
  return time.toISOString().slice(0, -1).replace('T', ' ')
}
