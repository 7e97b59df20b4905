import type { Knex } from 'knex'
import { createIndexes } from '../indexes.ts'
import { schemaBuilder, type TableName } from '../tableName.ts'
import { textType } from '../textType.ts'

/** The sessions of people who are signed in to the dashboard. */
export async function up(database: Knex, { schema, table: auditTable }: TableName): Promise<void> {
  const tableName = { schema, table: `${auditTable}_dashboard` }
  const text = await textType(database)

  // MySQL commits DDL at once, so a migration that was cut short may have made the table already.
  if (!(await schemaBuilder(database, tableName).hasTable(tableName.table)))
    await schemaBuilder(database, tableName).createTable(tableName.table, (columns) => {
      columns.specificType('cookie_hash', text(64)).primary()
      // Here rather than by `unique()`, which would be a statement of its own.
      columns.specificType('alias', `${text(36)} unique`).notNullable()
      columns.specificType('token_id', text(16)).notNullable()
      columns.specificType('ticket_key', text(64)).notNullable()
      columns.datetime('signed_in_at', { precision: 3 }).notNullable()
      columns.datetime('last_access_at', { precision: 3 }).notNullable()
      columns.datetime('ended_at', { precision: 3 })
    })
  await createIndexes(database, tableName, { used: ['last_access_at'] })
}
