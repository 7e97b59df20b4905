import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { dayMs } from '../../domain/durations.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { listChangedDays, saveFlagDays } from './flagDays.ts'
import { countFlagsBySite } from './flagRows.ts'
import { readProgress } from './readRollup.ts'
import { getRollupTableNames } from './rollupTables.ts'
import { findEndOfChunk, type RollupOptions } from './updateRollup.ts'

/** Each day is counted once a chunk, so a larger chunk counts fewer days twice. */
const chunkRows = 200_000

/**
 * Counts the flags of the days that have changed since the last update, up to the last row that the rollup counts.
 *
 * A row can change the flags of others: the twentieth row of a burst does. So a day is counted again as a whole. The
 * progress moves together with the counts, and only if no other process has moved it meanwhile.
 */
export async function updateFlagDays(
  database: Knex,
  tableName: string,
  { signal }: Pick<RollupOptions, 'signal'> = {},
): Promise<void> {
  while (!signal?.aborted) {
    const startedAt = performance.now()
    const { upToId, flagsUpToId } = await readProgress(database, tableName)
    if (flagsUpToId >= upToId) return
    const next = await findEndOfChunk(database, tableName, { after: flagsUpToId, lastId: upToId, chunkRows })
    const changed = await listChangedDays(database, tableName, (query, column) => {
      query.where(column, '>', flagsUpToId).where(column, '<=', next)
    })
    const days = await countDays(database, tableName, new Set(changed.map(({ day }) => day)), signal)
    if (!days) return
    await runTransaction(database, async (transaction) => {
      const moved = await transaction(getRollupTableNames(tableName).progress)
        .where({ flags_up_to_id: flagsUpToId })
        .update({ flags_up_to_id: next })
      if (moved === 0) return
      for (const [day, counts] of days) await saveFlagDays(transaction, tableName, day, counts)
    })
    await sleep(performance.now() - startedAt)
  }
}

/** @returns undefined if the signal was aborted. */
async function countDays(
  database: Knex,
  tableName: string,
  days: ReadonlySet<number>,
  signal: AbortSignal | undefined,
) {
  const counted = new Map<number, Awaited<ReturnType<typeof countFlagsBySite>>>()
  for (const day of days) {
    if (signal?.aborted) return undefined
    const filter = { from: new Date(day * dayMs), to: new Date((day + 1) * dayMs) }
    counted.set(day, await countFlagsBySite(database, tableName, { filter, timeLimitMs: undefined }))
  }
  return counted
}
