import type { Knex } from 'knex'
import { qualify, rollupStateTable, rollupTable, schemaBuilder, type TableName } from '../tableName.ts'
import { textType } from '../textType.ts'

/** The counts that summaries are made of, and up to which row they go. They are empty, which is right as well. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { table } = tableName
  const [rollup, state] = [rollupTable(table), rollupStateTable(table)]
  const text = await textType(database)

  // MySQL commits DDL at once, so a migration that was cut short may have made a table already.
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
