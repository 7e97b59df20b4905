import type { Config } from '../config/config.ts'
import { assertSqliteFile } from '../store/database/sqlite/sqliteFile.ts'
import { openStore, type Store } from '../store/store.ts'

/**
 * Opens the configured database while `work` runs.
 *
 * @throws if an SQLite database does not exist: only `lapse migrate` and `lapse serve` create one.
 */
export async function withStore<T>(
  { database, table }: Pick<Config, 'database' | 'table'>,
  work: (store: Store) => Promise<T>,
  { createsDatabase = false } = {},
): Promise<T> {
  if (database.dialect === 'sqlite' && !createsDatabase) assertSqliteFile(database.path)
  const store = openStore(database, table)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
