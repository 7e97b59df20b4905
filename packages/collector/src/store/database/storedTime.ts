import type { Knex } from 'knex'
import { isSqlite } from './connect.ts'

/** A time as a column takes it: SQLite keeps ISO 8601 text, MySQL an instant. */
export function storedTime(database: Knex, time: Date): Date | string {
  return isSqlite(database) ? time.toISOString() : time
}

export function readTime(stored: Date | string): Date {
  return stored instanceof Date ? stored : new Date(stored)
}
