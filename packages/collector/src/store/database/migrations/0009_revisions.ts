import type { Knex } from 'knex'
import { createUniqueIndex, dropIndex, qualify, schemaBuilder, type TableName } from './helpers.ts'

/**
 * Allows several rows for a session: a row with a higher revision supersedes an earlier one.
 *
 * Reports are recorded throughout. Since MySQL 8.0.29 and MariaDB 10.4, a column is added at any position without
 * rebuilding the table. The new unique key exists before the old one is dropped, so a session never gets two rows.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  await addColumn(database, tableName, 'revision', 'int not null default 1', 'session_key')
  await addColumn(database, tableName, 'supersedes', 'bigint unsigned', 'revision')
  await createUniqueIndex(database, tableName, 'revision', ['site', 'session_key', 'revision'])
  await createUniqueIndex(database, tableName, 'supersedes', ['supersedes'])
  await dropIndex(database, tableName, 'session_key')
}

async function addColumn(
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
    // SQLite can add a column only at the end.
    if (!(await schemaBuilder(database, tableName).hasColumn(table, name))) await addIt('')
  } else {
    // An interrupted migration may have added the column. knex would look for it in the connection's own schema.
    await addIt(` after ${after}`).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ER_DUP_FIELDNAME')) throw error
    })
  }
}
