import type { Knex } from 'knex'
import { createIndexes, dropIndex, type TableName } from './helpers.ts'

/**
 * `by_site_time` replaces `by_site`: with the additional columns, the database reads only those rows of a site from the
 * table that match the other filters too. `by_evidence` saves a scan of the table when few rows have the evidence.
 */
const indexes = {
  by_site_time: ['site', 'detected_at', 'id', 'reason', 'evidence'],
  by_evidence: ['evidence', 'detected_at'],
}

/** Creates indexes for filters that few rows match. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  await createIndexes(database, tableName, indexes)
  await dropIndex(database, tableName, 'by_site')
}
