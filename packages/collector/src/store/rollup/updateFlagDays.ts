import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from '../database/runTransaction.ts'
import { joinHours, listChangedHours } from './changedHours.ts'
import { computeDayChanges, type FlagHour, saveDayChanges } from './flagDays.ts'
import { deleteRecounts, readRecounts } from './flagRecounts.ts'
import { countFlagHours } from './flagRows.ts'
import { readProgress } from './readRollup.ts'
import { getRollupTableNames, type RollupProgress } from './rollupTables.ts'
import { findEndOfChunk, type RollupOptions } from './updateRollup.ts'

/** The rows of one transaction, like those of the rollup. */
const chunkRows = 10_000
/** The hours of one statement. */
const hoursPerStatement = 48

/**
 * Counts the flags of the hours that have changed since the last update: by new rows, up to the last one that the rollup
 * counts, and by rows that were deleted or whose personal data was erased.
 *
 * A row can change the flags of others: the twentieth row of a burst does. So an hour is counted again as a whole. All
 * reading is done before the transaction, which in SQLite blocks all other writers. It saves the counts only if no other
 * process has saved any meanwhile.
 */
export async function updateFlagDays(
  database: Knex,
  tableName: string,
  { signal }: Pick<RollupOptions, 'signal'> = {},
): Promise<void> {
  while (!signal?.aborted) {
    const startedAt = performance.now()
    // The progress is read first: if it is unchanged at the end, so is everything that is read here.
    const progress = await readProgress(database, tableName)
    const recounts = await readRecounts(database, tableName)
    const { upToId, flagsUpToId, flagUpdates } = progress
    if (flagsUpToId >= upToId && recounts.length === 0) return
    const next = await findEndOfNewRows(database, tableName, progress)
    const changed = await listChangedHours(database, tableName, (query, column) => {
      query.where(column, '>', flagsUpToId).where(column, '<=', next)
    })
    const hours = new Set([...changed, ...recounts.map(({ hour }) => hour)])
    const counts = await countHours(database, tableName, hours, signal)
    if (!counts) return
    const changes = await computeDayChanges(database, tableName, hours, counts)
    await runTransaction(database, async (transaction) => {
      const moved = await transaction(getRollupTableNames(tableName).progress)
        .where({ flag_updates: flagUpdates })
        .update({ flags_up_to_id: next, flag_updates: flagUpdates + 1 })
      if (moved === 0) return
      await saveDayChanges(transaction, tableName, changes)
      await deleteRecounts(transaction, tableName, recounts)
    })
    await sleep(performance.now() - startedAt)
  }
}

/** Finds the last of the new rows that one transaction counts. */
async function findEndOfNewRows(
  database: Knex,
  tableName: string,
  { upToId, flagsUpToId }: RollupProgress,
): Promise<number> {
  if (flagsUpToId >= upToId) return flagsUpToId
  return findEndOfChunk(database, tableName, { after: flagsUpToId, lastId: upToId, chunkRows })
}

/** @returns undefined if the signal was aborted. */
async function countHours(
  database: Knex,
  tableName: string,
  hours: ReadonlySet<number>,
  signal: AbortSignal | undefined,
): Promise<FlagHour[] | undefined> {
  const counts: FlagHour[] = []
  const sorted = [...hours].sort((a, b) => a - b)
  for (let first = 0; first < sorted.length; first += hoursPerStatement) {
    if (signal?.aborted) return undefined
    const spans = joinHours(sorted.slice(first, first + hoursPerStatement))
    counts.push(...(await countFlagHours(database, tableName, { filter: {}, spans })))
  }
  return counts
}
