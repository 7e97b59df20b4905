import type { AuditDatabase } from '../database/auditDatabase.ts'
import { createOperationRunner } from '../database/operations.ts'
import { updateFlagDays } from './updateFlagDays.ts'
import { type RollupOptions, rebuildRollup, updateRollup } from './updateRollup.ts'

/**
 * Maintains the rollup: counts of rows by day, from which summaries are computed.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface RollupRepository {
  /** Counts the rows that were added since the last update, except those of the last two minutes. */
  update(options?: RollupOptions): Promise<void>
  /** Counts all rows again. */
  rebuild(options?: RollupOptions): Promise<void>
}

export function createRollupRepository(auditDatabase: AuditDatabase): RollupRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    update: (options) =>
      run('unlimited', async () => {
        await updateRollup(knex, tableName, options)
        await updateFlagDays(knex, tableName, options)
      }),
    rebuild: (options) =>
      run('unlimited', async () => {
        await rebuildRollup(knex, tableName, options)
        await updateFlagDays(knex, tableName, options)
      }),
  }
}
