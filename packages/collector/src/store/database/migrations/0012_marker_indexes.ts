import type { Knex } from 'knex'
import { createIndexes, type TableName } from './helpers.ts'

/**
 * Indexes the markers of rows and of live sessions. A report that names the marker alone is then recognized as one of a
 * session that is stored under its alias.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { schema, table } = tableName
  const live = { schema, table: table === 'session_audit' ? 'session_live' : `${table}_live` }
  await createIndexes(database, tableName, { by_marker: ['site', 'marker'] })
  await createIndexes(database, live, { by_marker: ['site', 'marker'] })
}
