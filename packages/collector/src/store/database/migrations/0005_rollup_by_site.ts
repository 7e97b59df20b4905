import type { Knex } from 'knex'
import { qualify, schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the rollup again with a primary key that starts with the site. It starts empty, so all rows are counted again. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const rollup = `${tableName.table}_rollup`
  const text = await textType(database)

  await schemaBuilder(database, tableName).dropTableIfExists(rollup)
  await schemaBuilder(database, tableName).createTable(rollup, (columns) => {
    columns.specificType('site', text(64)).notNullable()
    columns.integer('day').notNullable()
    columns.specificType('reason', text(32)).notNullable()
    columns.specificType('evidence', text(16)).notNullable()
    columns.text('quarters').notNullable()
    columns.text('past_limit').notNullable()
    columns.primary(['site', 'day', 'reason', 'evidence'])
  })
  await database(qualify(tableName, `${tableName.table}_rollup_state`)).update({ up_to_id: 0 })
}
