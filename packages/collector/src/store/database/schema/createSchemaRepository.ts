import { hasErrorCode } from '../../../domain/thrownError.ts'
import type { AuditDatabase } from '../auditDatabase.ts'
import { createMissingDatabase } from '../connectionPools.ts'
import type { DatabaseLocation } from '../databaseUrl.ts'
import { lookupDeadlineMs } from '../deadlines.ts'
import { LeaseHeldError } from '../lease.ts'
import { createOperationRunner } from '../operations.ts'
import { readSchemaState, runMigrations } from './runMigrations.ts'
import { SchemaOutdatedError, SchemaTooNewError } from './schemaErrors.ts'

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
   * @throws {SchemaTooNewError} when a newer version of Lapse has migrated the database.
   * @throws {LeaseHeldError} when another process takes longer than a minute.
   */
  migrate(): Promise<string[]>
  /**
   * Checks whether this version of Lapse can work with the database. Missing migrations are not an error.
   *
   * @throws {SchemaTooNewError} when a newer version of Lapse has migrated the database.
   */
  assertNotTooNew(): Promise<void>
  /**
   * Checks whether session ends can be recorded.
   *
   * @throws {SchemaTooNewError} when a newer version of Lapse has migrated the database.
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
    dataKind: 'schema',
    expectedErrors: [LeaseHeldError, SchemaTooNewError, SchemaOutdatedError],
  })
  return {
    migrate: () =>
      run('unlimited', async () => {
        await createMissingDatabase(location)
        return runMigrations(jobs.knex, tableName)
      }),
    assertNotTooNew: () =>
      run(lookupDeadlineMs, async () => {
        try {
          const { incompatible } = await readSchemaState(health.knex, tableName)
          if (incompatible.length > 0) throw new SchemaTooNewError(tableName, incompatible)
        } catch (error) {
          // Commands such as `lapse token` need no privilege on the history.
          if (!hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR'])) throw error
        }
      }),
    assertCurrent: () =>
      run(lookupDeadlineMs, async () => {
        const { missing, incompatible } = await readSchemaState(health.knex, tableName)
        if (incompatible.length > 0) throw new SchemaTooNewError(tableName, incompatible)
        if (missing.length > 0) throw new SchemaOutdatedError(tableName, missing)
      }),
  }
}
