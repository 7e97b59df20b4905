import type { Knex } from 'knex'
import { schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the table that says up to which position of the feed each destination has received the rows. */
export async function up(database: Knex, { schema, table }: TableName): Promise<void> {
  const tableName = { schema, table: `${table}_forward` }
  // MySQL commits DDL immediately, so an interrupted migration may have created the table.
  if (await schemaBuilder(database, tableName).hasTable(tableName.table)) return
  const text = await textType(database)
  await schemaBuilder(database, tableName).createTable(tableName.table, (columns) => {
    columns.specificType('name', `${text(32)} primary key`)
    columns.bigInteger('position').notNullable()
    columns.datetime('updated_at', { precision: 3 }).notNullable()
    columns.datetime('failing_since', { precision: 3 })
    columns.specificType('failure', text(255))
  })
}
