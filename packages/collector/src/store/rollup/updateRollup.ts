import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from '../database/runTransaction.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { changeCounts, type SkippedRows } from './changeCounts.ts'
import { getRollupTableNames } from './rollupTables.ts'
import type { SelectRows } from './rowCounts.ts'

/** The rows of one transaction. In embedded SQLite, a transaction blocks all other writers. */
const chunkRows = 10_000
/** A row is counted this long after its receipt. Before that, a row with a lower id may still be uncommitted. */
const settleMs = 120_000

export interface RollupOptions {
  /** Stops after the current chunk. */
  readonly signal?: AbortSignal | undefined
  /** Called after each chunk. All rows up to `upToId` are counted; the work ends at `lastId`. */
  readonly onChunk?: ((upToId: number, lastId: number) => void) | undefined
  /** Called for rows that could not be counted. The rollup continues without them. */
  readonly onSkipped?: ((skipped: SkippedRows) => void) | undefined
}

/**
 * Adds the rows to the rollup that it does not contain yet, in chunks.
 *
 * Each chunk is one transaction, which also moves the watermark: the id up to which rows are counted. The rollup is
 * therefore correct even if the process is killed. Any number of processes may update it at the same time: each
 * transaction locks the watermark first, so each row is counted once.
 */
export async function updateRollup(
  database: Knex,
  tableName: string,
  { signal, onChunk, onSkipped }: RollupOptions = {},
): Promise<void> {
  const lastId = await findLastSettledId(database, tableName)
  // Without new rows, no transaction blocks the writers.
  if ((await readWatermark(database, tableName)) >= lastId) return
  for (;;) {
    const startedAt = performance.now()
    const { upToId, skipped } = await runTransaction(database, (transaction) =>
      addChunk(transaction, tableName, lastId),
    )
    for (const rows of skipped) onSkipped?.(rows)
    onChunk?.(upToId, lastId)
    if (upToId >= lastId || signal?.aborted) return
    // Leaves the database to writers for at least half of the time.
    await sleep(performance.now() - startedAt)
  }
}

/** Empties the rollup and counts all rows again. Until it has finished, summaries are correct but slower. */
export async function rebuildRollup(
  database: Knex,
  tableName: string,
  options: RollupOptions = {},
): Promise<void> {
  const { days, state } = getRollupTableNames(tableName)
  await runTransaction(database, async (transaction) => {
    await transaction(state).update({ up_to_id: 0 })
    await transaction(days).delete()
  })
  await updateRollup(database, tableName, options)
}

/**
 * Subtracts rows that are about to be deleted. Called in the transaction that deletes them, it keeps summaries exact at
 * every moment. It locks the watermark until the transaction ends, so other changes of the rollup wait.
 *
 * @param transaction a transaction that has not read anything yet.
 */
export async function subtractFromRollup(
  transaction: Knex.Transaction,
  tableName: string,
  ids: readonly number[],
): Promise<void> {
  const upToId = await lockWatermark(transaction, tableName)
  const selectRows: SelectRows = (query) => void query.whereIn('id', ids).where('id', '<=', upToId)
  await changeCounts(transaction, tableName, { selectRows, countedUpToId: upToId, sign: -1 })
}

interface AddedChunk {
  /** All rows up to this id are counted now. */
  readonly upToId: number
  readonly skipped: readonly SkippedRows[]
}

async function addChunk(
  transaction: Knex.Transaction,
  tableName: string,
  lastId: number,
): Promise<AddedChunk> {
  const countedUpToId = await lockWatermark(transaction, tableName)
  if (countedUpToId >= lastId) return { upToId: countedUpToId, skipped: [] }
  const chunk = transaction(tableName)
    .select('id')
    .where('id', '>', countedUpToId)
    .where('id', '<=', lastId)
    .orderBy('id')
    .limit(chunkRows)
  const [last] = await transaction.from(chunk.as('chunk')).max({ id: 'id' })
  const upToId = Number(last?.id ?? lastId)
  const selectRows: SelectRows = (query) =>
    void query.where('id', '>', countedUpToId).where('id', '<=', upToId)
  const skipped = await changeCounts(transaction, tableName, { selectRows, countedUpToId, sign: 1 })
  await transaction(getRollupTableNames(tableName).state).update({ up_to_id: upToId })
  return { upToId, skipped }
}

/** Locks the rollup against other changes until the transaction ends, and reads the watermark. */
async function lockWatermark(transaction: Knex.Transaction, tableName: string): Promise<number> {
  // The write comes first: SQLite refuses the first write of a transaction that has read something which another
  // transaction changed since.
  await transaction(getRollupTableNames(tableName).state).update({ id: 1 })
  return readWatermark(transaction, tableName)
}

/** Reads the id of the last row that is counted. */
async function readWatermark(database: Knex, tableName: string): Promise<number> {
  return Number((await database(getRollupTableNames(tableName).state).first('up_to_id')).up_to_id)
}

/** Finds the last row that was received long enough ago for all rows before it to be committed or rolled back. */
async function findLastSettledId(database: Knex, tableName: string): Promise<number> {
  const settledBefore = toStoredTime(database, new Date(Date.now() - settleMs))
  const last = await database(tableName)
    .where('received_at', '<', settledBefore)
    .orderBy('id', 'desc')
    .first('id')
  return Number(last?.id ?? 0)
}
