import type { Knex } from 'knex'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { LeaseHeldError } from '../database/lease.ts'
import { createOperationRunner } from '../database/operations.ts'
import { assertClockIsPlausible, ClockAheadError } from './assertClockIsPlausible.ts'
import {
  countExpiredRows,
  PurgeIncompleteError,
  type PurgeOptions,
  purge,
  type RetentionCutoff,
} from './purge.ts'

/**
 * Deletes rows whose retention is over.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface RetentionRepository {
  countExpired(cutoff: RetentionCutoff): Promise<number>
  /**
   * Checks this machine's clock before it decides which rows are deleted.
   *
   * @throws {ClockAheadError} when it is ahead of the database's clock, or of what the newest rows say.
   */
  assertClockIsPlausible(now: Date): Promise<void>
  /**
   * Deletes rows permanently, in small chunks while others write.
   *
   * @returns the number of deleted rows.
   * @throws {LeaseHeldError} while another process deletes rows.
   * @throws {PurgeIncompleteError} when some rows could not be deleted, after all others were.
   */
  purge(cutoffs: readonly RetentionCutoff[], options?: PurgeOptions): Promise<number>
}

export function createRetentionRepository(auditDatabase: AuditDatabase): RetentionRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    expectedErrors: [ClockAheadError, LeaseHeldError, PurgeIncompleteError],
  })
  return {
    countExpired: (cutoff) => run('unlimited', () => countExpiredRows(knex, tableName, cutoff)),
    assertClockIsPlausible: (now) => run('unlimited', () => assertClockIsPlausible(knex, tableName, now)),
    purge: (cutoffs, options) =>
      run('unlimited', () =>
        purge(knex, tableName, cutoffs, options).finally(() => truncateWriteAheadLog(knex)),
      ),
  }
}

/** Deleted rows stay readable in SQLite's write-ahead log until it is truncated. */
async function truncateWriteAheadLog(knex: Knex): Promise<void> {
  if (isSqlite(knex)) await knex.raw('pragma wal_checkpoint(truncate)')
}
