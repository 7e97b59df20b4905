import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { runTransaction } from '../database/databaseErrors.ts'
import { isRefusal } from '../database/refusal.ts'
import { storedTime } from '../database/storedTime.ts'
import { inSchema, rollupOf, rollupStateOf, splitTableName } from '../database/tableName.ts'
import { allSites, dayOf, RollupDays, type RollupKey, type StoredDay, storedDay } from './rollupDay.ts'
import { countRows, type Rows } from './rowCounts.ts'

/** The rows of one transaction. Embedded SQLite lets nobody else write meanwhile. */
const chunkRows = 10_000
/** How long after its receipt a row is counted, in milliseconds: until then an older one may still be uncommitted. */
const lagMs = 120_000
const upsertRows = 100
/** What one statement writes at most, in characters: a server may take no more than 1 MiB (`max_allowed_packet`). */
const upsertLength = 256 * 1024
const dayMs = 86_400_000
const dayKey = ['site', 'day', 'reason', 'evidence'] as const

/** The names of the tables that hold the rollup of an audit table. */
export function rollupTables(tableName: string): { readonly days: string; readonly state: string } {
  const split = splitTableName(tableName)
  return {
    days: inSchema(split, rollupOf(split.table)),
    state: inSchema(split, rollupStateOf(split.table)),
  }
}

/** Rows that could not be counted. Summaries lack them. */
export interface SkippedRows {
  readonly rows: number
  /** Why, and what to do. */
  readonly reason: string
  readonly cause?: unknown
}

export interface RollUpOptions {
  /** Ends it after the chunk that is being counted. */
  readonly signal?: AbortSignal | undefined
  /** Hears up to which row it has come, and up to which it will. */
  readonly onChunk?: ((upToId: number, lastId: number) => void) | undefined
  /** Hears of rows that could not be counted. The rollup goes on without them. */
  readonly onSkipped?: ((skipped: SkippedRows) => void) | undefined
}

/**
 * Counts the rows that the rollup lacks into it, chunk by chunk, each in a transaction of its own with the mark up to
 * which row it goes: whenever it is cut off, the rollup is right. Any number of processes may do it at once; each
 * chunk is counted by one of them, because all changes of the rollup wait for the lock on its mark.
 */
export async function rollUp(
  database: Knex,
  tableName: string,
  { signal, onChunk, onSkipped }: RollUpOptions = {},
): Promise<void> {
  const lastId = await lastSettledId(database, tableName)
  // Where nothing is new, nobody who writes has to wait.
  if ((await readMark(database, tableName)) >= lastId) return
  for (;;) {
    const startedAt = performance.now()
    const { upToId, skipped } = await runTransaction(database, (transaction) =>
      addChunk(transaction, tableName, lastId),
    )
    for (const each of skipped) onSkipped?.(each)
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
  const rows: Rows = (query) => void query.whereIn('id', ids).where('id', '<=', upToId)
  await change(transaction, tableName, rows, upToId, -1)
}

interface AddedChunk {
  /** Up to which row the rollup goes now. */
  readonly upToId: number
  readonly skipped: readonly SkippedRows[]
}

async function addChunk(
  transaction: Knex.Transaction,
  tableName: string,
  lastId: number,
): Promise<AddedChunk> {
  const after = await lockedMark(transaction, tableName)
  if (after >= lastId) return { upToId: after, skipped: [] }
  const chunk = transaction(tableName)
    .select('id')
    .where('id', '>', after)
    .where('id', '<=', lastId)
    .orderBy('id')
    .limit(chunkRows)
  const [last] = await transaction.from(chunk.as('chunk')).max({ id: 'id' })
  const upToId = Number(last?.id ?? lastId)
  const rows: Rows = (query) => void query.where('id', '>', after).where('id', '<=', upToId)
  const skipped = await change(transaction, tableName, rows, after, 1)
  await transaction(rollupTables(tableName).state).update({ up_to_id: upToId })
  return { upToId, skipped }
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

/** @param upToId up to which row the rollup goes before the change. */
async function change(
  transaction: Knex.Transaction,
  tableName: string,
  rows: Rows,
  upToId: number,
  sign: 1 | -1,
): Promise<SkippedRows[]> {
  // A locking read waits for whoever has one of the rows in hand. SQLite knows none and needs none.
  const locked: Rows = (query) => void query.modify(rows).forShare()
  const quarters = await countRows(transaction, tableName, ['quarter', 'site', 'reason', 'evidence'], locked)
  const steps = await countRows(transaction, tableName, ['step', 'day', 'site', 'evidence'], locked)
  const table = rollupTables(tableName).days
  const sites = new Set(quarters.map(({ site }) => site))
  const affected = new Set(quarters.flatMap(({ quarter }) => dayOf(quarter) ?? []))
  const stored: StoredDay[] = await transaction(table)
    .whereIn('site', [...sites, allSites])
    .whereIn('day', [...affected])
  const days = new RollupDays(stored)
  for (const key of days.damaged) await restore(transaction, tableName, days, key, upToId)
  const leftOut = days.add(quarters, steps, sign)
  const skipped = await store(transaction, table, days)
  const emptied = days.emptied.map((day) => dayKey.map((column) => day[column]))
  if (emptied.length > 0)
    await transaction(table)
      .whereIn([...dayKey], emptied)
      .delete()
  if (leftOut > 0) skipped.push({ rows: leftOut, reason: 'detected_at is no time from 1970 to 9999' })
  return skipped
}

/** Counts the rows of a day again whose stored counts cannot be read. */
async function restore(
  transaction: Knex.Transaction,
  tableName: string,
  days: RollupDays,
  key: RollupKey,
  upToId: number,
): Promise<void> {
  const { day, site, reason, evidence } = key
  const timeOf = (of: number) => storedTime(transaction, new Date(of * dayMs))
  const rows: Rows = (query) =>
    void query
      .where({ reason, evidence, ...(site !== allSites && { site }) })
      .where('detected_at', '>=', timeOf(day))
      .where('detected_at', '<', timeOf(day + 1))
      .where('id', '<=', upToId)
  const quarters = await countRows(transaction, tableName, ['quarter'], rows)
  const steps = await countRows(transaction, tableName, ['step'], rows)
  days.restore(key, quarters, steps)
}

/** Stores the counts of the days, and leaves out those days that the database refuses, such as by a constraint. */
async function store(transaction: Knex.Transaction, table: string, days: RollupDays): Promise<SkippedRows[]> {
  const upsert = (batch: readonly StoredDay[]) =>
    transaction(table)
      .insert(batch)
      .onConflict([...dayKey])
      .merge(['quarters', 'past_limit'])
  const skipped: SkippedRows[] = []
  for (const batch of batchesOf(days.counted.map(storedDay))) {
    try {
      await upsert(batch)
    } catch (refusal) {
      if (!isRefusal(refusal)) throw refusal
      for (const day of batch) {
        const cause = await upsert([day]).then(() => undefined, refusedWith)
        // The rows are in the counts of all sites as well.
        if (cause !== undefined && day.site !== allSites)
          skipped.push({ rows: days.addedTo(day), reason: `the database refused ${nameOf(day)}`, cause })
      }
    }
  }
  return skipped
}

function refusedWith(error: unknown): unknown {
  if (isRefusal(error)) return error
  throw error
}

const nameOf = ({ site, day, reason, evidence }: RollupKey) =>
  `the counts of the site "${site}" on ${new Date(day * dayMs).toISOString().slice(0, 10)} (${reason}, ${evidence})`

function* batchesOf(days: readonly StoredDay[]): Generator<StoredDay[]> {
  let batch: StoredDay[] = []
  let length = 0
  for (const day of days) {
    const added = day.quarters.length + day.past_limit.length
    if (batch.length === upsertRows || (batch.length > 0 && length + added > upsertLength)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(day)
    length += added
  }
  if (batch.length > 0) yield batch
}

/** The last row that was received long enough ago for all before it to be committed, or to have failed. */
async function lastSettledId(database: Knex, tableName: string): Promise<number> {
  const before = storedTime(database, new Date(Date.now() - lagMs))
  const last = await database(tableName).where('received_at', '<', before).orderBy('id', 'desc').first('id')
  return Number(last?.id ?? 0)
}
