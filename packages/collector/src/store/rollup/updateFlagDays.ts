import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from '../database/runTransaction.ts'
import { joinHours, listChangedHours } from './changedHours.ts'
import { type FlagHour, saveFlagHours } from './flagDays.ts'
import { countFlagHours } from './flagRows.ts'
import { readProgress } from './readRollup.ts'
import { getRollupTableNames } from './rollupTables.ts'
import { findEndOfChunk, type RollupOptions } from './updateRollup.ts'

/** The rows of one transaction, like those of the rollup. */
const chunkRows = 10_000
/** The hours of one statement. */
const hoursPerStatement = 48

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
    const counts = await countHours(
      database,
      tableName,
      [...hours].sort((a, b) => a - b),
      signal,
    )
    if (!counts) return
    await runTransaction(database, async (transaction) => {
      const moved = await transaction(getRollupTableNames(tableName).progress)
        .where({ flags_up_to_id: flagsUpToId })
        .update({ flags_up_to_id: next })
      if (moved === 0) return
      await saveFlagHours(transaction, tableName, hours, counts)
    })
    await sleep(performance.now() - startedAt)
  }
}

/** @returns undefined if the signal was aborted. */
async function countHours(
  database: Knex,
  tableName: string,
  hours: readonly number[],
  signal: AbortSignal | undefined,
): Promise<FlagHour[] | undefined> {
  const counts: FlagHour[] = []
  for (let first = 0; first < hours.length; first += hoursPerStatement) {
    if (signal?.aborted) return undefined
    const spans = joinHours(hours.slice(first, first + hoursPerStatement))
    counts.push(...(await countFlagHours(database, tableName, { filter: {}, spans })))
  }
  return counts
}
