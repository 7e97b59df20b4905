import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { describeDatabaseError } from '../../observability/describeDatabaseError.ts'
import { runTransaction } from '../database/databaseErrors.ts'
import { withLease } from '../database/lease.ts'
import { isRefusal } from '../database/refusal.ts'
import { storedTime } from '../database/storedTime.ts'
import { takeOffRollup } from '../rollup/rollup.ts'

/** The rows of a site whose retention is over: what was received before a time. */
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

/** What kept a purge from deleting all expired rows of a site. */
export interface PurgeFailure {
  readonly site: string
  readonly error: Error
}

/** Some rows could not be deleted. All others were. */
export class PurgeIncompleteError extends Error {
  override readonly name = 'PurgeIncompleteError'
  readonly deleted: number
  readonly failures: readonly PurgeFailure[]

  constructor(deleted: number, failures: readonly PurgeFailure[]) {
    const reasons = failures.map(({ site, error }) => `  ${site}: ${error.message}`)
    const advice = 'Correct the cause and run lapse purge again.'
    super(`Not all expired rows could be deleted:\n${reasons.join('\n')}\n${advice}`, {
      cause: failures[0]?.error,
    })
    this.deleted = deleted
    this.failures = failures
  }
}

export async function countExpired(database: Knex, tableName: string, expired: Expired): Promise<number> {
  const [counted] = await expiredRows(database, tableName, expired).count({ rows: '*' })
  return Number(counted?.rows)
}

/**
 * Deletes rows, small chunk by small chunk, in one process at a time, and says how many they were. A site that fails
 * does not keep the others from being purged.
 *
 * @throws {PurgeIncompleteError} after everything that can be deleted is deleted.
 */
export function purge(
  database: Knex,
  tableName: string,
  expired: readonly Expired[],
  { signal, onChunk }: PurgeOptions = {},
): Promise<number> {
  return withLease(database, `purge ${tableName}`, 0, async () => {
    let deleted = 0
    const failures: PurgeFailure[] = []
    for (const one of expired) {
      if (signal?.aborted) break
      try {
        for await (const rows of deleteExpired(database, tableName, one)) {
          deleted += rows
          onChunk?.(one.site, rows)
          if (signal?.aborted) break
        }
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown))
        failures.push({ site: one.site, error })
      }
    }
    if (failures.length > 0) throw new PurgeIncompleteError(deleted, failures)
    return deleted
  })
}

/**
 * Deletes the rows, the first received first, and yields after each chunk how many it deleted. Between chunks it
 * pauses for as long as the last one took, so that at least half of the time is left to those who write.
 *
 * @throws at the end, when the database refused to delete some of them.
 */
async function* deleteExpired(database: Knex, tableName: string, expired: Expired): AsyncGenerator<number> {
  const refused: Refused = { count: 0, first: undefined }
  let last: { readonly id: number; readonly received_at: Date | string } | undefined
  for (;;) {
    const startedAt = performance.now()
    const query = expiredRows(database, tableName, expired)
      .select('id', 'received_at')
      .orderBy(['received_at', 'id'])
      .limit(chunkRows)
    // Deleted entries stay in the index for a while, and each would be read again. Refused rows are still there.
    if (last) {
      const { id, received_at: at } = last
      query
        .where('received_at', '>=', at)
        .where((either) => either.where('received_at', '>', at).orWhere('id', '>', id))
    }
    const rows: { id: number; received_at: Date | string }[] = await query
    last = rows.at(-1)
    if (!last) break
    const ids = rows.map(({ id }) => id)
    yield await deleteOrHalve(database, tableName, ids, refused)
    await sleep(Math.min(Math.max(performance.now() - startedAt, minPauseMs), maxPauseMs))
  }
  const { count, first } = refused
  if (!first) return
  const why = first.error instanceof Error ? describeDatabaseError(first.error) : String(first.error)
  throw new Error(
    `the database refused to delete ${count} rows, the first of them with the id ${first.id}: ${why}`,
    {
      cause: first.error,
    },
  )
}

const expiredRows = (database: Knex, tableName: string, { site, before }: Expired) =>
  database(tableName).where({ site }).where('received_at', '<', storedTime(database, before))

/** What the database refused to delete: of many rows, the first one says enough. */
interface Refused {
  count: number
  first: { readonly id: number; readonly error: unknown } | undefined
}

/** Deletes the rows but for those that the database refuses to delete: a foreign key or a trigger of the host's. */
async function deleteOrHalve(
  database: Knex,
  tableName: string,
  ids: readonly number[],
  refused: Refused,
): Promise<number> {
  try {
    return await deleteRows(database, tableName, ids)
  } catch (error) {
    const [id] = ids
    if (!isRefusal(error) || id === undefined) throw error
    const middle = ids.length >> 1
    if (middle === 0) {
      refused.count += 1
      refused.first ??= { id, error }
      return 0
    }
    const before = await deleteOrHalve(database, tableName, ids.slice(0, middle), refused)
    return before + (await deleteOrHalve(database, tableName, ids.slice(middle), refused))
  }
}

/** And takes them off the rollup. By their keys, so that no gap is locked in which a row could be about to be written. */
function deleteRows(database: Knex, tableName: string, ids: readonly number[]): Promise<number> {
  return runTransaction(database, async (transaction) => {
    await takeOffRollup(transaction, tableName, ids)
    return transaction(tableName).whereIn('id', ids).delete()
  })
}
