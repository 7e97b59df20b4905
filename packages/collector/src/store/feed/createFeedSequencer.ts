import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { createOperationRunner } from '../database/operations.ts'
import { getFeedTables, readFeedProgress } from './feedTables.ts'
import { createLateSearches } from './lateSearches.ts'
import { numberChunk } from './numberRows.ts'

/**
 * Gives each committed row a position in the feed.
 *
 * @throws {StorageError} when the database cannot be used.
 */
export interface FeedSequencer {
  /**
   * Numbers the new rows, and searches for rows that were committed late. Any number of processes may do this at the
   * same time. It returns after the current chunk when the signal is aborted.
   */
  numberRows(signal?: AbortSignal): Promise<void>
}

export function createFeedSequencer(auditDatabase: AuditDatabase): FeedSequencer {
  const { knex, tableName } = auditDatabase
  const tables = getFeedTables(tableName)
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    privilegeHint: `Grant SELECT and INSERT on ${tables.feed}, and SELECT and UPDATE on ${tables.progress}, to the account that runs "lapse serve".`,
  })
  const lateSearches = createLateSearches(knex, tableName)

  /** @returns the id up to which rows are numbered. */
  async function numberNewRows(signal?: AbortSignal): Promise<number> {
    for (;;) {
      const startedAt = performance.now()
      const { upToId } = await readFeedProgress(knex, tables)
      // Without anything new, no transaction blocks the writers.
      const hasNew = (await knex(tableName).where('id', '>', upToId).orderBy('id').first('id')) !== undefined
      if (!hasNew || signal?.aborted) return upToId
      const hasMore = await numberChunk(knex, tableName)
      // Leaves the database to writers for at least half of the time.
      if (hasMore) await sleep(performance.now() - startedAt)
    }
  }

  return {
    numberRows: (signal) =>
      run('unlimited', async () => {
        const upToId = await numberNewRows(signal)
        if (!signal?.aborted) await lateSearches.run(upToId)
      }),
  }
}
