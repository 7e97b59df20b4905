import type { Knex } from 'knex'
import Client_MySQL2 from 'knex/lib/dialects/mysql2/index.js'
import type { Connection } from 'mysql2'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import type { QueryOptions } from '../limitTime.ts'
import { closeConnection, isAlive, type MysqlConnection, markUsed } from './mysqlConnection.ts'
import { limitStatements, type ServerState } from './mysqlSettings.ts'
import { runStatement } from './preparedStatements.ts'

/** Settings that knex does not know. They are part of knex's configuration, so transactions have them too. */
interface MysqlClientConfig extends Knex.Config {
  readonly open: () => Promise<MysqlConnection>
  readonly statementTimeoutMs?: number | undefined
}

/** How long the result may take to arrive after the server's own time limit. */
const responseMarginMs = 2_000

/** Transactions have clients of their own, but share the connections. */
const servers = new WeakMap<Connection, ServerState>()

/** A knex client for MySQL and MariaDB that sends every value as a parameter of a prepared statement. */
export class PreparedMysqlClient extends Client_MySQL2 {
  override async acquireRawConnection(): Promise<Connection> {
    const { connection, ...server } = await getSettings(this).open()
    servers.set(connection, server)
    return connection
  }

  override async destroyRawConnection(connection: Connection): Promise<void> {
    closeConnection(connection)
  }

  override validateConnection(connection: Connection): Promise<boolean> {
    return isAlive(connection)
  }

  /** `runStatement` converts the values. */
  override prepBindings(bindings: readonly unknown[] | undefined): readonly unknown[] {
    return bindings ?? []
  }

  override async _query(connection: Connection, query: KnexQuery): Promise<KnexQuery> {
    const { statementTimeoutMs } = getSettings(this)
    const { timeLimitMs } = query.options ?? {}
    const run = () =>
      timeLimitMs === undefined
        ? runStatement(connection, query.sql, query.bindings)
        : runWithLimit(connection, query, timeLimitMs, statementTimeoutMs)
    try {
      query.response =
        statementTimeoutMs === undefined
          ? await run()
          : await withinDeadline(statementTimeoutMs + responseMarginMs, run)
      return query
    } catch (error) {
      // A result that arrives later would be taken for the result of the next statement.
      if (!isServerError(error)) closeConnection(connection)
      throw error
    } finally {
      markUsed(connection)
    }
  }
}

/** Runs a statement with its own time limit, which replaces that of the connection. */
async function runWithLimit(
  connection: Connection,
  { sql, bindings }: KnexQuery,
  timeLimitMs: number,
  statementTimeoutMs = 0,
): Promise<unknown> {
  const server = servers.get(connection)
  if (!server) throw new Error('The connection was opened by another client.')
  await limitStatements(connection, server, timeLimitMs)
  try {
    return await runStatement(connection, sql, bindings)
  } finally {
    await limitStatements(connection, server, statementTimeoutMs)
  }
}

/** knex declares its general configuration only. `connectionPools.ts` passes this one. */
function getSettings({ config }: Knex.Client): MysqlClientConfig {
  return config as MysqlClientConfig
}

interface KnexQuery {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  readonly options?: QueryOptions
  response?: unknown
}

/** Returns whether the server reported the error, so that the connection is still usable. */
export function isServerError(error: unknown): boolean {
  return error instanceof Error && 'sqlState' in error && Boolean(error.sqlState)
}
