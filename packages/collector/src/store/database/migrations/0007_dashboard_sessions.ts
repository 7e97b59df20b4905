import type { Knex } from 'knex'
import { createIndexes, schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the table of dashboard sessions. */
export async function up(database: Knex, { schema, table: auditTable }: TableName): Promise<void> {
  const tableName = { schema, table: `${auditTable}_dashboard` }
  const text = await textType(database)

  // MySQL commits DDL immediately, so an interrupted migration may have created the table.
  if (!(await schemaBuilder(database, tableName).hasTable(tableName.table)))
    await schemaBuilder(database, tableName).createTable(tableName.table, (columns) => {
      columns.specificType('cookie_hash', text(64)).primary()
      // Not `unique()`, which would be a separate statement that an interruption could skip.
      columns.specificType('alias', `${text(36)} unique`).notNullable()
      columns.specificType('token_id', text(16)).notNullable()
      columns.specificType('ticket_key', text(64)).notNullable()
      columns.datetime('signed_in_at', { precision: 3 }).notNullable()
      columns.datetime('last_access_at', { precision: 3 }).notNullable()
      columns.datetime('ended_at', { precision: 3 })
    })
  await createIndexes(database, tableName, { used: ['last_access_at'] })
}
