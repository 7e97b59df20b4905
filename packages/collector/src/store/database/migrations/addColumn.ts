import type { Knex } from 'knex'
import { qualify, schemaBuilder, type TableName } from './helpers.ts'

// Frozen: migrations 0009 and 0011 have run with exactly this code.

/**
 * Adds a column if it does not exist yet: an interrupted migration may have added it.
 *
 * @param after the column that it follows in MySQL and MariaDB. SQLite can add a column only at the end.
 */
export async function addColumn(
  database: Knex,
  tableName: TableName,
  name: string,
  type: string,
  after: string,
): Promise<void> {
  const { table } = tableName
  const addIt = (position: string) =>
    database.raw(`alter table ?? add column ${name} ${type}${position}`, [qualify(tableName, table)])
  if (database.client.driverName === 'better-sqlite3') {
    if (!(await schemaBuilder(database, tableName).hasColumn(table, name))) await addIt('')
  } else {
    // knex would look for the column in the connection's own schema.
    await addIt(` after ${after}`).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ER_DUP_FIELDNAME')) throw error
    })
  }
}
