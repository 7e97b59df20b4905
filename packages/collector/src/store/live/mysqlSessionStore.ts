import { ConnectionLostError, type SessionStore } from '../../recording/batchingWriter.ts'
import type { MysqlLocation } from '../database/databaseUrl.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { insertFirstRows } from './insertFirstRows.ts'
import { buildMysqlStatements } from './mysqlStatements.ts'
import { storeInTransaction } from './storeInTransaction.ts'
import { createWriterConnections } from './writerConnections.ts'

/** Where sessions are live, their number is not soon zero. The attempt costs one statement. */
const retryFirstRowsMs = 1_000

/** Stores reports in MySQL or MariaDB, through its own connections. */
export function createMysqlSessionStore(location: MysqlLocation, tableName: string): SessionStore {
  const connections = createWriterConnections(location)
  const statements = buildMysqlStatements(tableName)
  let firstRowsAt = 0
  return {
    // More made the batches smaller.
    concurrency: 2,
    get connections() {
      return connections.count
    },
    store: (works, signal) =>
      connections.use(signal, async (connection) => {
        if (performance.now() >= firstRowsAt) {
          const result = await insertFirstRows(connection, statements, works)
          if (result.kind === 'inserted') return result.outcomes
          if (result.kind === 'guarded') firstRowsAt = performance.now() + retryFirstRowsMs
        }
        return storeInTransaction(connection, statements, works)
      }),
    ping: (signal) =>
      connections.use(signal, async ({ connection, readOnlySettings }) => {
        const [setting] = readOnlySettings
        if (setting) throw new ConnectionLostError(`No host accepts writes: ${setting} is on.`)
        await execute(connection, 'select 1')
      }),
    close: () => connections.close(),
  }
}
