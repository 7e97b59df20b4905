import { hasErrorCode, toError } from '../../domain/thrownError.ts'
import { withinDeadline } from '../../lifecycle/withinDeadline.ts'
import { ConnectionLostError, writeDeadlineMs } from '../../recording/batchingWriter.ts'
import type { MysqlLocation } from '../database/databaseUrl.ts'
import { isServerError } from '../database/mysql/mysqlClient.ts'
import {
  closeConnection,
  createMysqlConnector,
  isAlive,
  type MysqlConnection,
  markUsed,
} from '../database/mysql/mysqlConnection.ts'
import { acceptsWrites } from '../database/mysql/mysqlSettings.ts'

/** The server must not wait for a lock any longer than its client. */
const lockTimeoutSeconds = writeDeadlineMs / 1000
/** How often a connection is checked for a server that has become read-only. */
const roleCheckIntervalMs = 2_000
/** The host has become a replica, or its storage is read-only. Another host accepts writes now. */
const readOnlyCodes = [
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_INNODB_READ_ONLY',
  'ER_OPEN_AS_READONLY',
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
]

/** The connections of the writer. */
interface WriterConnections {
  /** The number of open connections. */
  readonly count: number
  /**
   * Runs `work` with a connection that nothing else uses at the same time.
   *
   * @param signal closes the connection when it is aborted.
   * @throws {ConnectionLostError} when no host is available, or when the connection fails.
   */
  use<T>(signal: AbortSignal, work: (connection: MysqlConnection) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function createWriterConnections(location: MysqlLocation): WriterConnections {
  const connect = createMysqlConnector(location, { lockTimeoutSeconds, isolationLevel: 'READ-COMMITTED' })
  const idle: MysqlConnection[] = []
  const roleCheckedAt = new WeakMap<MysqlConnection, number>()
  let inUse = 0

  /** Returns a connection that works: idle connections that the server has closed are replaced. */
  async function acquire(): Promise<MysqlConnection> {
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (await isUsable(connection).catch(() => false)) return connection
      closeConnection(connection.connection)
    }
    const opened = await connect().catch(throwConnectionLost)
    roleCheckedAt.set(opened, performance.now())
    return opened
  }

  async function isUsable(idleConnection: MysqlConnection): Promise<boolean> {
    if (!(await isAlive(idleConnection.connection))) return false
    if (performance.now() - (roleCheckedAt.get(idleConnection) ?? 0) < roleCheckIntervalMs) return true
    roleCheckedAt.set(idleConnection, performance.now())
    return withinDeadline(roleCheckIntervalMs, () => acceptsWrites(idleConnection.connection))
  }

  return {
    get count() {
      return idle.length + inUse
    },
    async use(signal, work) {
      inUse += 1
      let connection: MysqlConnection | undefined
      const closeIfOpen = () => connection && closeConnection(connection.connection)
      signal.addEventListener('abort', closeIfOpen, { once: true })
      try {
        connection = await acquire()
        if (signal.aborted) closeIfOpen()
        const result = await work(connection)
        if (!signal.aborted) idle.push(connection)
        return result
      } catch (error) {
        // A result that is still to arrive, or an open transaction, would affect the next statement.
        closeIfOpen()
        if (isConnectionFailure(error)) throwConnectionLost(error)
        throw error
      } finally {
        if (connection) markUsed(connection.connection)
        inUse -= 1
        signal.removeEventListener('abort', closeIfOpen)
      }
    },
    async close() {
      for (const { connection } of idle.splice(0)) closeConnection(connection)
    },
  }
}

function isConnectionFailure(error: unknown): boolean {
  return !isServerError(error) || hasErrorCode(error, readOnlyCodes)
}

function throwConnectionLost(cause: unknown): never {
  throw new ConnectionLostError(toError(cause).message, { cause })
}
