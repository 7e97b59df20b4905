import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from '../database/runTransaction.ts'
import { joinHours, listChangedHours } from './changedHours.ts'
import type { EpochSpan } from './epochSpan.ts'
import { saveFlagHours } from './flagDays.ts'
import { countFlagHours } from './flagRows.ts'
import { readProgress } from './readRollup.ts'
import { getRollupTableNames } from './rollupTables.ts'
import { findEndOfChunk, type RollupOptions } from './updateRollup.ts'

const chunkRows = 200_000

/**
 * Counts the flags of the hours that have changed since the last update, up to the last row that the rollup counts.
 *
 * A row can change the flags of others: the twentieth row of a burst does. So an hour is counted again as a whole. The
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
    const hours = await listChangedHours(database, tableName, (query, column) => {
      query.where(column, '>', flagsUpToId).where(column, '<=', next)
    })
    const counted = await countSpans(database, tableName, joinHours(hours), signal)
    if (!counted) return
    await runTransaction(database, async (transaction) => {
      const moved = await transaction(getRollupTableNames(tableName).progress)
        .where({ flags_up_to_id: flagsUpToId })
        .update({ flags_up_to_id: next })
      if (moved === 0) return
      for (const { span, counts } of counted) await saveFlagHours(transaction, tableName, span, counts)
    })
    await sleep(performance.now() - startedAt)
  }
}

/** @returns undefined if the signal was aborted. */
async function countSpans(
  database: Knex,
  tableName: string,
  spans: readonly EpochSpan[],
  signal: AbortSignal | undefined,
) {
  const counted = []
  for (const span of spans) {
    if (signal?.aborted) return undefined
    const filter = { from: new Date(span.from), to: new Date(span.to) }
    const counts = await countFlagHours(database, tableName, { filter, timeLimitMs: undefined })
    counted.push({ span, counts })
  }
  return counted
}
