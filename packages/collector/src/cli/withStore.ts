import type { Config } from '../config/config.ts'
import { assertSqliteFile } from '../store/database/sqlite/sqliteFile.ts'
import { openStore, type Store } from '../store/openStore.ts'

/**
 * Opens the configured database while `work` runs.
 *
 * @throws {SchemaTooNewError} when a newer version of Lapse has migrated the database.
 * @throws if the file of an SQLite database is missing: only `lapse migrate` and `lapse serve` create one.
 */
export async function withStore<T>(
  { database, table }: Pick<Config, 'database' | 'table'>,
  work: (store: Store) => Promise<T>,
  { createsDatabase = false } = {},
): Promise<T> {
  if (database.dialect === 'sqlite' && !createsDatabase) assertSqliteFile(database.path)
  const store = openStore(database, table)
  try {
    if (!createsDatabase) await store.schema.assertNotTooNew()
    return await work(store)
  } finally {
    await store.close()
  }
}
