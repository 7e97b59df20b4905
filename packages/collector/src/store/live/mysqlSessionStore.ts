import { ConnectionLostError, type SessionStore } from '../../recording/batchingWriter.ts'
import type { MysqlLocation } from '../database/databaseUrl.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { buildMysqlStatements } from './mysqlStatements.ts'
import { storeBatch } from './storeBatch.ts'
import { createWriterConnections } from './writerConnections.ts'

/** Stores reports in MySQL or MariaDB, through its own connections. */
export function createMysqlSessionStore(location: MysqlLocation, tableName: string): SessionStore {
  const connections = createWriterConnections(location)
  const statements = buildMysqlStatements(tableName)
  return {
    // More were not faster.
    concurrency: 3,
    get connections() {
      return connections.count
    },
    store: (works, signal) =>
      connections.use(signal, (connection) => storeBatch(connection, statements, works)),
    ping: (signal) =>
      connections.use(signal, async ({ connection, readOnlySettings }) => {
        const [setting] = readOnlySettings
        if (setting) throw new ConnectionLostError(`No host accepts writes: ${setting} is on.`)
        await execute(connection, 'select 1')
      }),
    close: () => connections.close(),
  }
}
