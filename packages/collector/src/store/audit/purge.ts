import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { toError } from '../../domain/thrownError.ts'
import { describeDatabaseError } from '../../observability/describeDatabaseError.ts'
import { isRefusal } from '../database/isRefusal.ts'
import { withLease } from '../database/lease.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { deleteFromFeed } from '../feed/deleteFromFeed.ts'
import { requestRecount } from '../rollup/flagRecounts.ts'
import { getRollupTableNames } from '../rollup/rollupTables.ts'
import { subtractFromRollup } from '../rollup/updateRollup.ts'

/** Rows of a site that were received before this time are expired. */
export interface RetentionCutoff {
  readonly site: string
  readonly before: Date
}

export interface PurgeOptions {
  /** Stops the purge after the current chunk. */
  readonly signal?: AbortSignal
  /** Called after each chunk with the number of rows that it deleted. */
  readonly onChunk?: (site: string, rows: number) => void
}

/** A transaction of this size takes milliseconds, so writers never wait longer than that. */
const chunkRows = 500
const minPauseMs = 5
const maxPauseMs = 1_000

/** Why some expired rows of a site were not deleted. */
interface PurgeFailure {
  readonly site: string
  readonly error: Error
}

/** Some expired rows could not be deleted. All others were. */
export class PurgeIncompleteError extends Error {
  override readonly name = 'PurgeIncompleteError'
  readonly deleted: number
  readonly failures: readonly PurgeFailure[]

  constructor(deleted: number, failures: readonly PurgeFailure[]) {
    const reasons = failures.map(({ site, error }) => `  ${site}: ${error.message}`)
    const advice = 'Fix the cause, then run lapse purge again.'
    super(`Some expired rows could not be deleted:\n${reasons.join('\n')}\n${advice}`, {
      cause: failures[0]?.error,
    })
    this.deleted = deleted
    this.failures = failures
  }
}

export async function countExpiredRows(
  database: Knex,
  tableName: string,
  cutoff: RetentionCutoff,
): Promise<number> {
  const [result] = await selectExpired(database, tableName, cutoff).count({ rows: '*' })
  return Number(result?.rows)
}

/**
 * Deletes expired rows in small chunks, in one process at a time, and when users came back after them. A row that
 * corrects another one is kept as long as the other one is. A site whose rows cannot be deleted does not stop the
 * purge of the other sites.
 *
 * @returns the number of deleted rows.
 * @throws {PurgeIncompleteError} after deleting everything that can be deleted.
 */
export function purge(
  database: Knex,
  tableName: string,
  cutoffs: readonly RetentionCutoff[],
  { signal, onChunk }: PurgeOptions = {},
): Promise<number> {
  return withLease(database, `purge ${tableName}`, { waitMs: 0 }, async () => {
    let deleted = 0
    const failures: PurgeFailure[] = []
    for (const cutoff of cutoffs) {
      if (signal?.aborted) break
      try {
        for await (const rows of deleteExpiredRows(database, tableName, cutoff)) {
          deleted += rows
          onChunk?.(cutoff.site, rows)
          if (signal?.aborted) break
        }
      } catch (thrown) {
        failures.push({ site: cutoff.site, error: toError(thrown) })
      }
    }
    if (failures.length > 0) throw new PurgeIncompleteError(deleted, failures)
    return deleted
  })
}

/**
 * Deletes the rows in the order of their receipt, and yields the number of deleted rows after each chunk. Between
 * chunks it pauses for as long as the last one took, so that writers have the database for at least half of the time.
 *
 * @throws at the end, if the database refused to delete some of the rows.
 */
async function* deleteExpiredRows(
  database: Knex,
  tableName: string,
  cutoff: RetentionCutoff,
): AsyncGenerator<number> {
  const kept: KeptRows = { refused: 0, firstRefused: undefined, corrections: [] }
  const deleteChunk = async (ids: readonly number[]) => {
    const startedAt = performance.now()
    const deleted = await deleteUnlessRefused(database, tableName, ids, kept)
    await sleep(Math.min(Math.max(performance.now() - startedAt, minPauseMs), maxPauseMs))
    return deleted
  }
  for await (const ids of readExpiredIds(database, tableName, cutoff)) yield await deleteChunk(ids)
  // Where clocks differ, a correction can be received before the row that it corrects, which is deleted by now.
  const corrections = kept.corrections.splice(0).sort((a, b) => a - b)
  while (corrections.length > 0) yield await deleteChunk(corrections.splice(0, chunkRows))
  if (kept.firstRefused) throw describeRefusal(kept.refused, kept.firstRefused)
}

/** Reads the ids of expired rows in the order of their receipt, in chunks. The caller deletes each chunk before the next. */
async function* readExpiredIds(
  database: Knex,
  tableName: string,
  cutoff: RetentionCutoff,
): AsyncGenerator<readonly number[]> {
  let last: { readonly id: number; readonly received_at: Date | string } | undefined
  for (;;) {
    const query = selectExpired(database, tableName, cutoff)
      .select('id', 'received_at')
      .orderBy(['received_at', 'id'])
      .limit(chunkRows)
    // Start after the last row: deleted entries stay in the index for a while and would be scanned again, and refused
    // rows are still in the table.
    if (last) {
      const { id, received_at: receivedAt } = last
      query
        .where('received_at', '>=', receivedAt)
        .where((either) => either.where('received_at', '>', receivedAt).orWhere('id', '>', id))
    }
    const rows: { id: number; received_at: Date | string }[] = await query
    last = rows.at(-1)
    if (!last) return
    yield rows.map(({ id }) => id)
  }
}

function selectExpired(database: Knex, tableName: string, { site, before }: RetentionCutoff) {
  return database(tableName).where({ site }).where('received_at', '<', toStoredTime(database, before))
}

/** Expired rows that were not deleted. */
interface KeptRows {
  /** How many the database refused to delete. One example is enough for the message. */
  refused: number
  firstRefused: RefusedRow | undefined
  /** The ids of rows that correct a row which had not been deleted yet. */
  readonly corrections: number[]
}

interface RefusedRow {
  readonly id: number
  readonly error: unknown
}

function describeRefusal(count: number, { id, error }: RefusedRow): Error {
  const reason = describeDatabaseError(toError(error))
  return new Error(
    `the database refused to delete ${count} rows, the first of them with the id ${id}: ${reason}`,
    {
      cause: error,
    },
  )
}

/**
 * Deletes the rows except those that the database refuses to delete, because of a foreign key or a trigger of the
 * application.
 */
async function deleteUnlessRefused(
  database: Knex,
  tableName: string,
  ids: readonly number[],
  kept: KeptRows,
): Promise<number> {
  try {
    const deletable = await excludeCorrections(database, tableName, ids)
    const deleted = await deleteRows(database, tableName, [...deletable])
    kept.corrections.push(...ids.filter((id) => !deletable.has(id)))
    return deleted
  } catch (error) {
    const [id] = ids
    if (!isRefusal(error) || id === undefined) throw error
    // A refusal rolls back the whole statement: split the rows until the refused one is alone.
    const middle = ids.length >> 1
    if (middle === 0) {
      kept.refused += 1
      kept.firstRefused ??= { id, error }
      return 0
    }
    const deleted = await deleteUnlessRefused(database, tableName, ids.slice(0, middle), kept)
    return deleted + (await deleteUnlessRefused(database, tableName, ids.slice(middle), kept))
  }
}

/** Deletes by primary key: deleting a range would lock gaps, and others could not insert there. */
async function deleteRows(database: Knex, tableName: string, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0
  return runTransaction(database, async (transaction) => {
    await deleteFromFeed(transaction, tableName, ids)
    await subtractFromRollup(transaction, tableName, ids)
    await requestRecount(transaction, tableName, ids)
    const deleted = await transaction(tableName).whereIn('id', ids).delete()
    // Afterwards, because a return is stored only while its row exists.
    await transaction(getRollupTableNames(tableName).returns).whereIn('audit_id', ids).delete()
    return deleted
  })
}

/**
 * Excludes rows that correct a row which remains, because it is not expired or the database refuses to delete it. It
 * would otherwise become the current row of its session again.
 */
async function excludeCorrections(
  database: Knex,
  tableName: string,
  ids: readonly number[],
): Promise<ReadonlySet<number>> {
  const deletable = new Set(ids)
  const corrections: { readonly id: number; readonly supersedes: number }[] = await database(tableName)
    .select('id', 'supersedes')
    .whereIn('id', ids)
    .whereNotNull('supersedes')
    .orderBy('id')
  if (corrections.length === 0) return deletable
  const others = corrections.map(({ supersedes }) => supersedes).filter((id) => !deletable.has(id))
  const remaining = new Set<number>(await database(tableName).whereIn('id', others).pluck('id'))
  // A row has a lower id than its correction, so the rows of a session come in order.
  for (const { id, supersedes } of corrections) {
    if (!remaining.has(supersedes)) continue
    deletable.delete(id)
    remaining.add(id)
  }
  return deletable
}
