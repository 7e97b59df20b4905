import type { Knex } from 'knex'
import { getFeedTables, lockFeed } from './feedTables.ts'

/**
 * Deletes rows from the feed. Called in the transaction that deletes them from the audit table, it locks the feed until
 * the transaction ends, so that they are not added to it meanwhile.
 *
 * @param transaction a transaction that has not read anything yet.
 */
export async function deleteFromFeed(
  transaction: Knex.Transaction,
  tableName: string,
  ids: readonly number[],
): Promise<void> {
  const tables = getFeedTables(tableName)
  await lockFeed(transaction, tables)
  await transaction(tables.feed).whereIn('audit_id', ids).delete()
}
