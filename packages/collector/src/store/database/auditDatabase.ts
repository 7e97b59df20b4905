import type { Knex } from 'knex'

/** What a repository needs: a pool of connections, and which tables to use. */
export interface AuditDatabase {
  readonly knex: Knex
  /** The audit table, `NAME` or `SCHEMA.NAME`. The names of all other tables start with it. */
  readonly tableName: string
  /** Names the database in messages, without its password. */
  readonly displayName: string
}
