import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'

/**
 * The configuration of a transaction whose reads all see the same state. `readOnly` is not set, because knex would then
 * write a statement that MySQL rejects.
 */
export function getSnapshot(database: Knex): Knex.TransactionConfig {
  // SQLite has only one isolation level.
  return isSqlite(database) ? {} : { isolationLevel: 'repeatable read' }
}
