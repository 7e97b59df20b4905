import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from './databaseErrors.ts'
import { withLease } from './lease.ts'
import { takeOffRollup } from './rollup.ts'
import { storedTime } from './storedTime.ts'

/** The rows of a site that are kept no longer: what was detected before a time. */
export interface Expired {
  readonly site: string
  readonly before: Date
}

export interface PurgeOptions {
  /** Ends it after the chunk that is being deleted. */
  readonly signal?: AbortSignal
  /** Hears how many rows of a site each chunk had. */
  readonly onChunk?: (site: string, rows: number) => void
}

/** A transaction of so many rows is over in milliseconds, so nobody who writes waits for longer. */
const chunkRows = 500
const minPauseMs = 5
const maxPauseMs = 1_000

export async function countExpired(database: Knex, tableName: string, expired: Expired): Promise<number> {
  const [counted] = await expiredRows(database, tableName, expired).count({ rows: '*' })
  return Number(counted?.rows)
}

/** Deletes rows, small chunk by small chunk, in one process at a time, and says how many they were. */
export function purge(
  database: Knex,
  tableName: string,
  expired: readonly Expired[],
  { signal, onChunk }: PurgeOptions = {},
): Promise<number> {
  return withLease(database, `purge ${tableName}`, 0, async () => {
    let deleted = 0
    for (const one of expired) {
      if (signal?.aborted) break
      for await (const rows of deleteExpired(database, tableName, one)) {
        deleted += rows
        onChunk?.(one.site, rows)
        if (signal?.aborted) break
      }
    }
    return deleted
  })
}

/**
 * Deletes the rows, the oldest first, and yields after each chunk how many it had. Between chunks it pauses for as
 * long as the last one took, so that at least half of the time is left to those who write.
 */
async function* deleteExpired(database: Knex, tableName: string, expired: Expired): AsyncGenerator<number> {
  let from: Date | string | undefined
  for (;;) {
    const startedAt = performance.now()
    const rows: { id: number; detected_at: Date | string }[] = await expiredRows(database, tableName, expired)
      .select('id', 'detected_at')
      // Behind what was deleted: its entries stay in the index for a while, and each would be read again.
      .where((oldest) => from !== undefined && oldest.where('detected_at', '>=', from))
      .orderBy('detected_at')
      .limit(chunkRows)
    const last = rows.at(-1)
    if (!last) return
    from = last.detected_at
    const ids = rows.map(({ id }) => id)
    yield await deleteRows(database, tableName, ids)
    await sleep(Math.min(Math.max(performance.now() - startedAt, minPauseMs), maxPauseMs))
  }
}

const expiredRows = (database: Knex, tableName: string, { site, before }: Expired) =>
  database(tableName).where({ site }).where('detected_at', '<', storedTime(database, before))

/** And takes them off the rollup. By their keys, so that no gap is locked in which a row could be about to be written. */
function deleteRows(database: Knex, tableName: string, ids: readonly number[]): Promise<number> {
  return runTransaction(database, async (transaction) => {
    await takeOffRollup(transaction, tableName, ids)
    return transaction(tableName).whereIn('id', ids).delete()
  })
}
