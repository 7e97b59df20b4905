import type { Knex } from 'knex'
import { qualify, rollupStateTable, rollupTable, schemaBuilder, type TableName } from '../tableName.ts'
import { textType } from '../textType.ts'

/** The rollup anew, to be found by the site first. It begins empty, so that all rows are counted again. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { table } = tableName
  const text = await textType(database)

  await schemaBuilder(database, tableName).dropTableIfExists(rollupTable(table))
  await schemaBuilder(database, tableName).createTable(rollupTable(table), (columns) => {
    columns.specificType('site', text(64)).notNullable()
    columns.integer('day').notNullable()
    columns.specificType('reason', text(32)).notNullable()
    columns.specificType('evidence', text(16)).notNullable()
    columns.text('quarters').notNullable()
    columns.text('past_limit').notNullable()
    columns.primary(['site', 'day', 'reason', 'evidence'])
  })
  await database(qualify(tableName, rollupStateTable(table))).update({ up_to_id: 0 })
}
