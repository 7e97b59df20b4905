import type { AuditDatabase } from '../auditDatabase.ts'
import { createMissingDatabase } from '../connectionPools.ts'
import type { DatabaseLocation } from '../databaseUrl.ts'
import { LeaseHeldError } from '../lease.ts'
import { isMigrated, migrate } from '../migrations/migrate.ts'
import { createOperationRunner, lookupDeadlineMs } from '../operations.ts'
import { SchemaOutdatedError } from './schemaErrors.ts'

/**
 * Creates, updates and checks the tables.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface SchemaRepository {
  /**
   * Creates everything that is missing, including the database. Any number of processes may run it at the same time.
   *
   * @returns the names of the migrations that ran.
   * @throws {LeaseHeldError} when another process takes longer than a minute.
   */
  migrate(): Promise<string[]>
  /**
   * Checks whether session ends can be recorded.
   *
   * @throws {SchemaOutdatedError} when migrations are missing.
   */
  assertCurrent(): Promise<void>
}

/**
 * @param jobs runs migrations.
 * @param health runs checks, which must not wait for other work.
 */
export function createSchemaRepository(
  location: DatabaseLocation,
  jobs: AuditDatabase,
  health: AuditDatabase,
): SchemaRepository {
  const { tableName } = jobs
  const run = createOperationRunner(jobs, {
    storedData: 'schema',
    outcomes: [LeaseHeldError, SchemaOutdatedError],
  })
  return {
    migrate: () =>
      run('unlimited', async () => {
        await createMissingDatabase(location)
        return migrate(jobs.knex, tableName)
      }),
    assertCurrent: () =>
      run(lookupDeadlineMs, async () => {
        if (!(await isMigrated(health.knex, tableName))) throw new SchemaOutdatedError(tableName)
      }),
  }
}
