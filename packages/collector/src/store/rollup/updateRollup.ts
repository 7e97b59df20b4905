import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { type CountChange, changeCounts, type SkippedRows } from './changeCounts.ts'
import { readProgress } from './readRollup.ts'
import { getRollupTableNames, type RollupProgress } from './rollupTables.ts'

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
 * Adds what the rollup does not contain yet, in chunks: rows, corrections of rows that it contains, and returns.
 *
 * Each chunk is one transaction, which also moves the progress. The rollup is therefore correct even if the process is
 * killed. Any number of processes may update it at the same time: each transaction locks the progress first, so
 * everything is counted once.
 */
export async function updateRollup(
  database: Knex,
  tableName: string,
  { signal, onChunk, onSkipped }: RollupOptions = {},
): Promise<void> {
  const lastId = await findLastSettledId(database, tableName)
  const lastReturnId = await findLastSettledId(database, getRollupTableNames(tableName).returns)
  // Without anything new, no transaction blocks the writers.
  const progress = await readProgress(database, tableName)
  let isComplete = progress.upToId >= lastId && progress.upToReturnId >= lastReturnId
  while (!isComplete) {
    const startedAt = performance.now()
    const { upToId, upToReturnId, skipped } = await runTransaction(database, (transaction) =>
      addChunk(transaction, tableName, { upToId: lastId, upToReturnId: lastReturnId }),
    )
    for (const rows of skipped) onSkipped?.(rows)
    onChunk?.(upToId, lastId)
    isComplete = upToId >= lastId && upToReturnId >= lastReturnId
    if (isComplete || signal?.aborted) return
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
  const { days, flagDays, progress, returns } = getRollupTableNames(tableName)
  // Rows are then counted together with their returns.
  const lastReturnId = await findLastSettledId(database, returns)
  await runTransaction(database, async (transaction) => {
    await transaction(progress).update({
      up_to_id: 0,
      up_to_return_id: lastReturnId,
      flags_up_to_id: 0,
      flag_updates: transaction.raw('flag_updates + 1'),
    })
    await transaction(days).delete()
    await transaction(flagDays).delete()
  })
  await updateRollup(database, tableName, options)
}

/**
 * Subtracts rows that are about to be deleted. Called in the transaction that deletes them, it keeps summaries exact at
 * every moment. It locks the progress until the transaction ends, so other changes of the rollup wait.
 *
 * @param transaction a transaction that has not read anything yet.
 */
export async function subtractFromRollup(
  transaction: Knex.Transaction,
  tableName: string,
  ids: readonly number[],
): Promise<void> {
  const progress = await lockProgress(transaction, tableName)
  const { upToId, upToReturnId } = progress
  const rows: CountChange = {
    sign: -1,
    upToReturnId,
    selectRows: (query) =>
      void query.whereIn('a.id', ids).where('a.id', '<=', upToId).modify(selectCurrent, tableName, upToId),
  }
  await changeCounts(transaction, tableName, [rows], progress)
}

type CountedUpTo = Pick<RollupProgress, 'upToId' | 'upToReturnId'>

/** What is counted after a chunk. */
interface AddedChunk extends CountedUpTo {
  readonly skipped: readonly SkippedRows[]
}

/** @param last where the work ends. */
async function addChunk(
  transaction: Knex.Transaction,
  tableName: string,
  last: CountedUpTo,
): Promise<AddedChunk> {
  const tables = getRollupTableNames(tableName)
  const progress = await lockProgress(transaction, tableName)
  const { upToId, upToReturnId } = progress
  if (upToId < last.upToId) {
    const next = await findEndOfChunk(transaction, tableName, {
      after: upToId,
      lastId: last.upToId,
      chunkRows,
    })
    const changes = listNewRows(tableName, progress, next)
    const skipped = await changeCounts(transaction, tableName, changes, progress)
    await transaction(tables.progress).update({ up_to_id: next })
    return { upToId: next, upToReturnId, skipped }
  }
  if (upToReturnId < last.upToReturnId) {
    const next = await findEndOfChunk(transaction, tables.returns, {
      after: upToReturnId,
      lastId: last.upToReturnId,
      chunkRows,
    })
    const changes = listNewReturns(tableName, progress, next)
    const skipped = await changeCounts(transaction, tableName, changes, progress)
    await transaction(tables.progress).update({ up_to_return_id: next })
    return { upToId, upToReturnId: next, skipped }
  }
  return { ...progress, skipped: [] }
}

/** Adds the rows up to an id, and subtracts the counted rows that they correct. */
function listNewRows(
  tableName: string,
  { upToId, upToReturnId }: RollupProgress,
  next: number,
): CountChange[] {
  return [
    {
      sign: 1,
      upToReturnId,
      from: 'newest',
      selectRows: (query) =>
        void query
          .where('a.id', '>', upToId)
          .where('a.id', '<=', next)
          .modify(selectCurrent, tableName, next),
    },
    {
      sign: -1,
      upToReturnId,
      from: 'superseded',
      selectRows: (query) =>
        void query.where('s.id', '>', upToId).where('s.id', '<=', next).where('a.id', '<=', upToId),
    },
  ]
}

/** Moves the counted rows whose users have come back from one step to another. */
function listNewReturns(
  tableName: string,
  { upToId, upToReturnId }: RollupProgress,
  next: number,
): CountChange[] {
  const moved = {
    changesReturnsOnly: true,
    from: 'returned',
    selectRows: (query) =>
      void query
        .where('x.id', '>', upToReturnId)
        .where('x.id', '<=', next)
        .where('a.id', '<=', upToId)
        .modify(selectCurrent, tableName, upToId),
  } as const satisfies Partial<CountChange>
  return [
    { ...moved, sign: -1, upToReturnId },
    { ...moved, sign: 1, upToReturnId: next },
  ]
}

interface ChunkSearch {
  readonly after: number
  readonly lastId: number
  /** The maximum number of rows. */
  readonly chunkRows: number
}

/** Finds the last id of the next chunk of rows. */
export async function findEndOfChunk(
  database: Knex,
  table: string,
  { after, lastId, chunkRows }: ChunkSearch,
): Promise<number> {
  const chunk = database(table)
    .select('id')
    .where('id', '>', after)
    .where('id', '<=', lastId)
    .orderBy('id')
    .limit(chunkRows)
  const [last] = await database.from(chunk.as('chunk')).max({ id: 'id' })
  return Number(last?.id ?? lastId)
}

/** Locks the rollup against other changes until the transaction ends, and reads the progress. */
async function lockProgress(transaction: Knex.Transaction, tableName: string): Promise<RollupProgress> {
  // The write comes first: SQLite refuses the first write of a transaction that has read something which another
  // transaction changed since.
  await transaction(getRollupTableNames(tableName).progress).update({ id: 1 })
  return readProgress(transaction, tableName)
}

/** Finds the last row that was received long enough ago for all rows before it to be committed or rolled back. */
async function findLastSettledId(database: Knex, table: string): Promise<number> {
  const settledBefore = toStoredTime(database, new Date(Date.now() - settleMs))
  const last = await database(table)
    .where('received_at', '<', settledBefore)
    .orderBy('id', 'desc')
    .first('id')
  return Number(last?.id ?? 0)
}
