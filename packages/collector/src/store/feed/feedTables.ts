import type { Knex } from 'knex'
import { type FeedPosition, toFeedPosition } from '../../reading/feed.ts'
import { getFeedProgressTableName, getFeedTableName, qualify, splitTableName } from '../database/tableName.ts'

interface FeedTables {
  readonly audit: string
  /** The position of each row of the audit table. */
  readonly feed: string
  /** A single row, see `FeedProgress`. */
  readonly progress: string
}

export function getFeedTables(tableName: string): FeedTables {
  const auditTable = splitTableName(tableName)
  return {
    audit: tableName,
    feed: qualify(auditTable, getFeedTableName(auditTable.table)),
    progress: qualify(auditTable, getFeedProgressTableName(auditTable.table)),
  }
}

/** Which rows have a position. */
export interface FeedProgress {
  /** The last position. */
  readonly position: FeedPosition
  /** All rows up to this id have a position, except those that were committed later than rows with a higher id. */
  readonly upToId: number
  /** The last row when the feed was created. */
  readonly existingUpToId: number
}

export async function readFeedProgress(database: Knex, { progress }: FeedTables): Promise<FeedProgress> {
  const found = await database(progress).first('position', 'up_to_id', 'existing_up_to_id')
  return {
    position: toFeedPosition(found?.position ?? 0),
    upToId: Number(found?.up_to_id ?? 0),
    existingUpToId: Number(found?.existing_up_to_id ?? 0),
  }
}

/**
 * Locks the feed against other changes until the transaction ends.
 *
 * @param transaction a transaction that has not read anything yet. SQLite refuses the first write of a transaction that
 * has read something which another transaction changed since.
 */
export async function lockFeed(transaction: Knex.Transaction, { progress }: FeedTables): Promise<void> {
  await transaction(progress).update({ id: 1 })
}
