import type { Knex } from 'knex'
import { schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the table of bearer tokens. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const table = `${tableName.table}_tokens`
  // MySQL commits DDL immediately, so an interrupted migration may have created the table.
  if (await schemaBuilder(database, tableName).hasTable(table)) return
  const text = await textType(database)

  await schemaBuilder(database, tableName).createTable(table, (columns) => {
    columns.specificType('id', text(16)).primary()
    columns.specificType('name', text(255))
    columns.specificType('scope', text(16)).notNullable()
    columns.specificType('site', text(64))
    columns.specificType('hash', text(64)).notNullable()
    columns.datetime('created_at', { precision: 3 }).notNullable()
    columns.datetime('expires_at', { precision: 3 })
    columns.datetime('revoked_at', { precision: 3 })
  })
}
