import type { Config } from '../config.ts'
import { openStore, type Store } from '../store/store.ts'

/** Opens the configuration's database for as long as `work` takes. */
export async function withStore<T>(
  { database, table }: Config,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = openStore(database, table)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
