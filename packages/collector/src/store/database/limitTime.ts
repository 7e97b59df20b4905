import type { Knex } from 'knex'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { isSqlite } from './isSqlite.ts'

/**
 * The name of a function of every SQLite connection. It fails once the statement's time limit has passed, and otherwise
 * returns 1.
 */
export const sqliteTimeCheck = 'lapse_check_time_limit'

/** Checking each row would make a statement that reads many rows half as fast. */
const rowsPerCheck = 1_024

/**
 * Lets a query in SQLite stop when the time limit of its statements passes. SQLite has no time limits, and a thread that
 * runs a statement cannot be interrupted, so the statement itself checks the time. Other databases stop statements
 * themselves.
 *
 * Call this before other conditions are added: SQLite then checks it first.
 *
 * @param alias the alias of the table that the query reads.
 */
export function checkTime(query: Knex.QueryBuilder, database: Knex, alias = 'a'): void {
  if (isSqlite(database)) query.whereRaw(`(${alias}.id % ${rowsPerCheck} <> 0 or ${sqliteTimeCheck}())`)
}

/**
 * Limits how long the database works on a query of the audit table, as `a`. The query then fails, see `isTimeout`. Call
 * this before other conditions are added, like `checkTime`.
 */
export function limitTime(query: Knex.QueryBuilder, database: Knex, timeLimitMs: number): Knex.QueryBuilder {
  return query.options({ timeLimitMs } satisfies QueryOptions).modify(checkTime, database)
}

/** Options of a query that the database clients know. */
export interface QueryOptions {
  readonly timeLimitMs?: number
}

/** Of MySQL and of SQLite. */
const timeoutCodes = ['ER_QUERY_TIMEOUT', 'SQLITE_INTERRUPT']
/** Of MariaDB: `ER_STATEMENT_TIMEOUT`. The driver does not know its name. */
const timeoutNumber = 1969

/** Returns whether a statement failed because its time limit passed. */
export function isTimeout(error: unknown): boolean {
  if (hasErrorCode(error, timeoutCodes)) return true
  return error instanceof Error && 'errno' in error && error.errno === timeoutNumber
}

/** Waits for a part of an answer. Returns null if its time limit passed. */
export async function nullIfTooSlow<T>(part: Promise<T>): Promise<T | null> {
  try {
    return await part
  } catch (error) {
    if (isTimeout(error)) return null
    throw error
  }
}
