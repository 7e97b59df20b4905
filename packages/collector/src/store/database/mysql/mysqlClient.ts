import type { Knex } from 'knex'
import Client_MySQL2 from 'knex/lib/dialects/mysql2/index.js'
import type { Connection } from 'mysql2'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import { closeConnection, isAlive, type MysqlConnection, markUsed } from './mysqlConnection.ts'
import { runStatement } from './preparedStatements.ts'

/** Settings that knex does not know. They are part of knex's configuration, so transactions have them too. */
interface MysqlClientConfig extends Knex.Config {
  readonly open: () => Promise<MysqlConnection>
  readonly statementTimeoutMs?: number | undefined
}

/** How long the result may take to arrive after the server's own time limit. */
const responseMarginMs = 2_000

/** A knex client for MySQL and MariaDB that sends every value as a parameter of a prepared statement. */
export class PreparedMysqlClient extends Client_MySQL2 {
  override async acquireRawConnection(): Promise<Connection> {
    return (await getSettings(this).open()).connection
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
    const run = () => runStatement(connection, query.sql, query.bindings)
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

/** knex declares its general configuration only. `connectionPools.ts` passes this one. */
function getSettings({ config }: Knex.Client): MysqlClientConfig {
  return config as MysqlClientConfig
}

interface KnexQuery {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  response?: unknown
}

/** Returns whether the server reported the error, so that the connection is still usable. */
export function isServerError(error: unknown): boolean {
  return error instanceof Error && 'sqlState' in error && Boolean(error.sqlState)
}
