import type { Knex } from 'knex'
import Client_MySQL2 from 'knex/lib/dialects/mysql2/index.js'
import type { Connection } from 'mysql2'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import { closeConnection, isAlive, type MysqlConnection, markUsed } from './mysqlConnection.ts'
import { runStatement } from './preparedStatements.ts'

/** What the client needs beside knex's own configuration. It is kept there, where transactions find it too. */
interface MysqlClientConfig extends Knex.Config {
  readonly open: () => Promise<MysqlConnection>
  readonly statementTimeoutMs?: number | undefined
}

/** After the server's own time limit, how long it may take for the answer to arrive. */
const answerMarginMs = 2_000

/** knex for MySQL and MariaDB, with every value sent as a parameter of a prepared statement. */
export class PreparedMysqlClient extends Client_MySQL2 {
  override async acquireRawConnection(): Promise<Connection> {
    return (await settingsOf(this).open()).connection
  }

  override async destroyRawConnection(connection: Connection): Promise<void> {
    closeConnection(connection)
  }

  override validateConnection(connection: Connection): Promise<boolean> {
    return isAlive(connection)
  }

  /** The driver's parameters are made in `runStatement`. */
  override prepBindings(bindings: readonly unknown[] | undefined): readonly unknown[] {
    return bindings ?? []
  }

  override async _query(connection: Connection, query: KnexQuery): Promise<KnexQuery> {
    const { statementTimeoutMs } = settingsOf(this)
    const run = () => runStatement(connection, query.sql, query.bindings)
    try {
      query.response =
        statementTimeoutMs === undefined
          ? await run()
          : await withinDeadline(statementTimeoutMs + answerMarginMs, run)
      return query
    } catch (error) {
      // An answer that is still to come would be taken for that of the next statement.
      if (!isAnswer(error)) closeConnection(connection)
      throw error
    } finally {
      markUsed(connection)
    }
  }
}

/** knex types it as its general configuration; `connect` passes this one. */
function settingsOf({ config }: Knex.Client): MysqlClientConfig {
  return config as MysqlClientConfig
}

interface KnexQuery {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  response?: unknown
}

/** The server answered the statement, if only with an error. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'sqlState' in error && Boolean(error.sqlState)
}
