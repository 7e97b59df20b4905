import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'

/** The configuration of a transaction that only reads, and whose reads all see the same state. */
export function getSnapshot(database: Knex): Knex.TransactionConfig {
  // SQLite has only one isolation level. For MySQL, `readOnly` would make knex write a statement that the server rejects.
  return isSqlite(database) ? { readOnly: true } : { isolationLevel: 'repeatable read' }
}
