import type { Knex } from 'knex'
import { addColumn } from './addColumn.ts'
import { createIndexes, dropIndex, schemaBuilder, type TableName, textType } from './helpers.ts'

/**
 * `by_time_user` replaces `by_time`: the database counts the users of a period without reading the rows, which took ten
 * times as long.
 */
const indexes = { by_time_user: ['detected_at', 'id', 'subject', 'site', 'reason', 'evidence'] }

/**
 * Creates what makes summaries fast: an index for the most frequent users, counts of the rows with each flag, and the
 * hours in which these have to be counted again.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { table } = tableName
  const flagDays = `${table}_rollup_flags`
  const recounts = `${table}_rollup_recounts`
  const text = await textType(database)
  await createIndexes(database, tableName, indexes)
  await dropIndex(database, tableName, 'by_time')
  // MySQL commits DDL immediately, so an interrupted migration may have created the table.
  if (!(await schemaBuilder(database, tableName).hasTable(flagDays))) {
    await schemaBuilder(database, tableName).createTable(flagDays, (columns) => {
      columns.integer('day').notNullable()
      columns.specificType('site', text(64)).notNullable()
      columns.text('counts').notNullable()
      columns.primary(['day', 'site'])
    })
  }
  if (!(await schemaBuilder(database, tableName).hasTable(recounts))) {
    await schemaBuilder(database, tableName).createTable(recounts, (columns) => {
      columns.bigIncrements('id')
      columns.integer('hour').notNullable()
    })
  }
  const progress = { ...tableName, table: `${table}_rollup_progress` }
  await addColumn(database, progress, 'flags_up_to_id', 'bigint not null default 0', 'up_to_return_id')
  await addColumn(database, progress, 'flag_updates', 'bigint not null default 0', 'flags_up_to_id')
}
