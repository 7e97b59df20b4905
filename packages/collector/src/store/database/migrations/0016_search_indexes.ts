import type { Knex } from 'knex'
import { createIndexes, qualify, type TableName } from './helpers.ts'

/**
 * Creates the indexes for searches: for addresses, and for markers without a site. The index of markers keeps its name,
 * because older versions name it in their statements, which work with both orders of its columns.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  await createIndexes(database, tableName, { by_ip: ['ip', 'detected_at'] })
  const table = qualify(tableName, tableName.table)
  const index = `${tableName.table}_by_marker`
  if (database.client.driverName === 'better-sqlite3') {
    const columns: { readonly name: string }[] = await database.raw('pragma index_info(??)', [index])
    if (columns[0]?.name === 'marker') return
    await database.raw('drop index if exists ??', [index])
    await database.raw('create index ?? on ?? (marker, site)', [index, table])
    return
  }
  const [[first]] = await database.raw(
    `select column_name as name from information_schema.statistics
     where table_schema = coalesce(?, database()) and table_name = ? and index_name = ? and seq_in_index = 1`,
    [tableName.schema ?? null, tableName.table, index],
  )
  if (first?.name === 'marker') return
  // One statement, so that no statement of others finds the table without the index.
  await database.raw('alter table ?? drop index ??, add index ?? (marker, site)', [table, index, index])
}
