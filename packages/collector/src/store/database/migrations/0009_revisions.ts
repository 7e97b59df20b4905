import type { Knex } from 'knex'
import { addColumn } from './addColumn.ts'
import { createUniqueIndex, dropIndex, type TableName } from './helpers.ts'

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
