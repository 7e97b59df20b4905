import type { Knex } from 'knex'
import Client_BetterSQLite3 from 'knex/lib/dialects/better-sqlite3/index.js'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import { SqliteThread } from './sqliteThread.ts'

/** What the client needs beside knex's own configuration. It is kept there, where transactions find it too. */
interface SqliteClientConfig extends Knex.Config {
  readonly statementTimeoutMs?: number | undefined
}

/** knex for SQLite, with every connection in a thread of its own. */
export class ThreadedSqliteClient extends Client_BetterSQLite3 {
  override async acquireRawConnection(): Promise<SqliteThread> {
    // knex's SQLite clients are given their file as `connection: { filename }`.
    const { filename } = this.connectionSettings as { readonly filename: string }
    return new SqliteThread(filename)
  }

  override async destroyRawConnection(thread: SqliteThread): Promise<void> {
    await thread.close()
  }

  override async validateConnection(thread: SqliteThread): Promise<boolean> {
    return thread.isAlive
  }

  override async _query(thread: SqliteThread, query: KnexQuery): Promise<KnexQuery> {
    const { statementTimeoutMs } = settingsOf(this)
    const values = (query.bindings ?? []).map(toSqliteValue)
    const run = () => thread.run(query.sql, values)
    // SQLite cannot be interrupted: whoever asks is answered in time, and the thread is busy until it is done.
    const { response, context } =
      statementTimeoutMs === undefined ? await run() : await withinDeadline(statementTimeoutMs, run)
    query.response = response
    if (context) query.context = context
    return query
  }
}

interface KnexQuery {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  response?: unknown
  context?: unknown
}

/** knex types it as its general configuration; `connect` passes this one. */
function settingsOf({ config }: Knex.Client): SqliteClientConfig {
  return config as SqliteClientConfig
}

/** SQLite has numbers, texts and bytes. */
function toSqliteValue(value: unknown): unknown {
  if (value === undefined) return null
  if (value instanceof Date) return value.getTime()
  return typeof value === 'boolean' ? Number(value) : value
}
