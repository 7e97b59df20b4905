import type { Knex } from 'knex'
import { qualify, schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the rollup, empty, and the mark up to which row it counts. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const rollup = `${tableName.table}_rollup`
  const state = `${tableName.table}_rollup_state`
  const text = await textType(database)

  // MySQL commits DDL immediately, so an interrupted migration may have created a table.
  if (!(await schemaBuilder(database, tableName).hasTable(rollup))) {
    await schemaBuilder(database, tableName).createTable(rollup, (columns) => {
      columns.integer('day').notNullable()
      columns.specificType('site', text(64)).notNullable()
      columns.specificType('reason', text(32)).notNullable()
      columns.specificType('evidence', text(16)).notNullable()
      columns.text('quarters').notNullable()
      columns.text('past_limit').notNullable()
      columns.primary(['day', 'site', 'reason', 'evidence'])
    })
  }
  if (!(await schemaBuilder(database, tableName).hasTable(state))) {
    await schemaBuilder(database, tableName).createTable(state, (columns) => {
      columns.integer('id').primary()
      columns.bigInteger('up_to_id').notNullable()
    })
  }
  const name = qualify(tableName, state)
  if (!(await database(name).first())) await database(name).insert({ id: 1, up_to_id: 0 })
}
