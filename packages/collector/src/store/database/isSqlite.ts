import type { Knex } from 'knex'

/** Returns whether the database is SQLite. Otherwise it is MySQL or MariaDB. */
export function isSqlite(database: Knex): boolean {
  return database.client.driverName === 'better-sqlite3'
}
