import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from './databaseErrors.ts'
import { allSites, quartersOfDay, RollupDays, type StoredDay, storedDay } from './rollupDay.ts'
import { countRows, type Rows } from './rowCounts.ts'
import { storedTime } from './storedTime.ts'
import { inSchema, rollupOf, rollupStateOf, splitTableName } from './tableName.ts'

/** The rows of one transaction. Embedded SQLite lets nobody else write meanwhile. */
const chunkRows = 10_000
/** How long after its receipt a row is counted, in milliseconds: until then an older one may still be uncommitted. */
const lagMs = 120_000
const upsertRows = 100
const dayKey = ['site', 'day', 'reason', 'evidence'] as const

/** The names of the tables that hold the rollup of an audit table. */
export function rollupTables(tableName: string): { readonly days: string; readonly state: string } {
  const split = splitTableName(tableName)
  return {
    days: inSchema(split, rollupOf(split.table)),
    state: inSchema(split, rollupStateOf(split.table)),
  }
}

export interface RollUpOptions {
  /** Ends it after the chunk that is being counted. */
  readonly signal?: AbortSignal | undefined
  /** Hears up to which row it has come, and up to which it will. */
  readonly onChunk?: ((upToId: number, lastId: number) => void) | undefined
}

/**
 * Counts the rows that the rollup lacks into it, chunk by chunk, each in a transaction of its own with the mark up to
 * which row it goes: whenever it is cut off, the rollup is right. Any number of processes may do it at once; each
 * chunk is counted by one of them, because all changes of the rollup wait for the lock on its mark.
 */
export async function rollUp(
  database: Knex,
  tableName: string,
  { signal, onChunk }: RollUpOptions = {},
): Promise<void> {
  const lastId = await lastSettledId(database, tableName)
  // Where nothing is new, nobody who writes has to wait.
  if ((await readMark(database, tableName)) >= lastId) return
  for (;;) {
    const startedAt = performance.now()
    const upToId = await runTransaction(database, (transaction) => addChunk(transaction, tableName, lastId))
    onChunk?.(upToId, lastId)
    if (upToId >= lastId || signal?.aborted) return
    // At least half of the time is left to those who write.
    await sleep(performance.now() - startedAt)
  }
}

/** Empties the rollup and counts all rows anew. Summaries are right all the while, and slow at first. */
export async function rebuildRollup(
  database: Knex,
  tableName: string,
  options: RollUpOptions = {},
): Promise<void> {
  const { days, state } = rollupTables(tableName)
  await runTransaction(database, async (transaction) => {
    await transaction(state).update({ up_to_id: 0 })
    await transaction(days).delete()
  })
  await rollUp(database, tableName, options)
}

/**
 * Takes rows off the rollup. Call it in the transaction that deletes them, before they are deleted: summaries then are
 * exact at any moment. It holds the lock that all changes of the rollup wait for, until the transaction ends.
 *
 * @param transaction a transaction that has not read yet.
 */
export async function takeOffRollup(
  transaction: Knex.Transaction,
  tableName: string,
  ids: readonly number[],
): Promise<void> {
  const upToId = await lockedMark(transaction, tableName)
  await change(transaction, tableName, (rows) => void rows.whereIn('id', ids).where('id', '<=', upToId), -1)
}

/** @returns up to which row the rollup goes now. */
async function addChunk(transaction: Knex.Transaction, tableName: string, lastId: number): Promise<number> {
  const after = await lockedMark(transaction, tableName)
  if (after >= lastId) return after
  const chunk = transaction(tableName)
    .select('id')
    .where('id', '>', after)
    .where('id', '<=', lastId)
    .orderBy('id')
    .limit(chunkRows)
  const [last] = await transaction.from(chunk.as('chunk')).max({ id: 'id' })
  const upToId = Number(last?.id ?? lastId)
  await change(
    transaction,
    tableName,
    (rows) => void rows.where('id', '>', after).where('id', '<=', upToId),
    1,
  )
  await transaction(rollupTables(tableName).state).update({ up_to_id: upToId })
  return upToId
}

/** Locks the rollup against other changes until the transaction ends, and says up to which row it goes. */
async function lockedMark(transaction: Knex.Transaction, tableName: string): Promise<number> {
  // A write comes first: SQLite lets a transaction that has read before write only if nobody else did meanwhile.
  await transaction(rollupTables(tableName).state).update({ id: 1 })
  return readMark(transaction, tableName)
}

async function readMark(database: Knex, tableName: string): Promise<number> {
  return Number((await database(rollupTables(tableName).state).first('up_to_id')).up_to_id)
}

async function change(
  transaction: Knex.Transaction,
  tableName: string,
  rows: Rows,
  sign: 1 | -1,
): Promise<void> {
  // A locking read waits for whoever has one of the rows in hand. SQLite knows none and needs none.
  const locked: Rows = (query) => void query.modify(rows).forShare()
  const quarters = await countRows(transaction, tableName, ['quarter', 'site', 'reason', 'evidence'], locked)
  const steps = await countRows(transaction, tableName, ['step', 'day', 'site', 'evidence'], locked)
  const table = rollupTables(tableName).days
  const sites = new Set(quarters.map(({ site }) => site))
  const affected = new Set(quarters.map(({ quarter }) => Math.floor(quarter / quartersOfDay)))
  const stored: StoredDay[] = await transaction(table)
    .whereIn('site', [...sites, allSites])
    .whereIn('day', [...affected])
  const days = new RollupDays(stored)
  days.add(quarters, steps, sign)
  const counted = days.counted.map(storedDay)
  for (let index = 0; index < counted.length; index += upsertRows)
    await transaction(table)
      .insert(counted.slice(index, index + upsertRows))
      .onConflict([...dayKey])
      .merge(['quarters', 'past_limit'])
  const emptied = days.emptied.map((day) => dayKey.map((column) => day[column]))
  if (emptied.length > 0)
    await transaction(table)
      .whereIn([...dayKey], emptied)
      .delete()
}

/** The last row that was received long enough ago for all before it to be committed, or to have failed. */
async function lastSettledId(database: Knex, tableName: string): Promise<number> {
  const before = storedTime(database, new Date(Date.now() - lagMs))
  const last = await database(tableName).where('received_at', '<', before).orderBy('id', 'desc').first('id')
  return Number(last?.id ?? 0)
}
