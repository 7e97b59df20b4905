import type { Knex } from 'knex'
import { addColumn } from './addColumn.ts'
import { qualify, schemaBuilder, type TableName } from './helpers.ts'

/**
 * Renames the table that says which rows the rollup counts, and adds which returns it counts.
 *
 * A replica of an earlier version that still runs would count corrected rows and their corrections. It no longer finds
 * the table, so it leaves the rollup alone.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const earlier = `${tableName.table}_rollup_state`
  const progress = `${tableName.table}_rollup_progress`
  const hasTable = (name: string) => schemaBuilder(database, tableName).hasTable(name)

  if (await hasTable(earlier)) {
    // Both exist only if the earlier migrations have run again, and the rollup is empty again.
    await schemaBuilder(database, tableName).dropTableIfExists(progress)
    await database.raw('alter table ?? rename to ??', [
      qualify(tableName, earlier),
      qualify(tableName, progress),
    ])
  }
  const type = 'bigint not null default 0'
  await addColumn(database, { ...tableName, table: progress }, 'up_to_return_id', type, 'up_to_id')
}
