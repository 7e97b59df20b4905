import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'

/** Converts a time to what a column stores: ISO 8601 text in SQLite, a `DATETIME(3)` elsewhere. */
export function toStoredTime(database: Knex, time: Date): Date | string {
  return isSqlite(database) ? time.toISOString() : time
}

export function readTime(stored: Date | string): Date {
  return stored instanceof Date ? stored : new Date(stored)
}
