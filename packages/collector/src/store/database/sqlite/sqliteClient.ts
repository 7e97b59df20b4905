import type { Knex } from 'knex'
import Client_BetterSQLite3 from 'knex/lib/dialects/better-sqlite3/index.js'
import Transaction_Sqlite from 'knex/lib/dialects/sqlite3/execution/sqlite-transaction.js'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import type { QueryOptions } from '../limitTime.ts'
import { SqliteThread } from './sqliteThread.ts'

/** Settings that knex does not know. They are part of knex's configuration, so transactions have them too. */
interface SqliteClientConfig extends Knex.Config {
  readonly statementTimeoutMs?: number | undefined
}

/** A knex client for SQLite that runs every connection in its own thread. */
export class ThreadedSqliteClient extends Client_BetterSQLite3 {
  override async acquireRawConnection(): Promise<SqliteThread> {
    // For SQLite, knex's connection settings are `{ filename }`.
    const { filename } = this.connectionSettings as { readonly filename: string }
    return new SqliteThread(filename)
  }

  override async destroyRawConnection(thread: SqliteThread): Promise<void> {
    await thread.close()
  }

  override async validateConnection(thread: SqliteThread): Promise<boolean> {
    return thread.isAlive
  }

  override transaction(...args: unknown[]): Knex.Transaction {
    // knex does not declare the class of its transactions.
    return new SqliteTransaction(this, ...args) as unknown as Knex.Transaction
  }

  override async _query(thread: SqliteThread, query: KnexQuery): Promise<KnexQuery> {
    const { statementTimeoutMs } = getSettings(this)
    const values = (query.bindings ?? []).map(toSqliteValue)
    const timeLimitMs = query.options?.timeLimitMs ?? statementTimeoutMs
    const run = () => thread.run(query.sql, values, timeLimitMs)
    // SQLite cannot be interrupted: the caller gets an error in time, but the thread is busy until the statement ends or
    // checks its time limit, see `checkTime`.
    try {
      const { response, context } =
        statementTimeoutMs === undefined ? await run() : await withinDeadline(statementTimeoutMs, run)
      query.response = response
      if (context) query.context = context
      return query
    } catch (error) {
      if (transactionBoundary.test(query.sql)) rollBack(thread)
      throw error
    }
  }
}

/**
 * Takes the write lock at its start, unless it is `readOnly`. A transaction that took the lock after it has read would
 * fail at once, without waiting, if another connection has written in between.
 */
class SqliteTransaction extends Transaction_Sqlite {
  override begin(thread: SqliteThread): Promise<unknown> {
    return this.query(thread, this.readOnly ? 'BEGIN;' : 'BEGIN IMMEDIATE;')
  }
}

const transactionBoundary = /^(begin|commit)/i

/**
 * Ends a transaction that knex considers over: it began after the caller had stopped waiting, or its commit failed.
 * Otherwise it would block all other writers until the process ends. The thread runs this before any later statement.
 */
function rollBack(thread: SqliteThread): void {
  // It fails if there is no transaction.
  thread.run('ROLLBACK', []).catch(() => {})
}

interface KnexQuery {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  readonly options?: QueryOptions
  response?: unknown
  context?: unknown
}

/** knex declares its general configuration only. `connectionPools.ts` passes this one. */
function getSettings({ config }: Knex.Client): SqliteClientConfig {
  return config as SqliteClientConfig
}

/** SQLite stores numbers, texts and bytes. */
function toSqliteValue(value: unknown): unknown {
  if (value === undefined) return null
  if (value instanceof Date) return value.getTime()
  return typeof value === 'boolean' ? Number(value) : value
}
