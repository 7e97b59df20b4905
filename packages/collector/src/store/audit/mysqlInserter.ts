import { ConnectionLostError, type Inserter } from '../../recording/batchingWriter.ts'
import type { MysqlLocation } from '../database/databaseUrl.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { buildStatements, insertUnlessDuplicate } from './insertUnlessDuplicate.ts'
import { createWriterConnections } from './writerConnections.ts'

/** Inserts into MySQL or MariaDB through its own connections. */
export function createMysqlInserter(location: MysqlLocation, tableName: string): Inserter {
  const connections = createWriterConnections(location)
  const statements = buildStatements(tableName)
  return {
    // More were not faster.
    concurrency: 3,
    get connections() {
      return connections.count
    },
    insert: (sessionEnds, signal) =>
      connections.use(signal, (connection) => insertUnlessDuplicate(connection, statements, sessionEnds)),
    ping: (signal) =>
      connections.use(signal, async ({ connection, readOnlySettings }) => {
        const [setting] = readOnlySettings
        if (setting) throw new ConnectionLostError(`No host accepts writes: ${setting} is on.`)
        await execute(connection, 'select 1')
      }),
    close: () => connections.close(),
  }
}
