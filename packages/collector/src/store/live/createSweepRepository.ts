import { withinDeadline } from '../../lifecycle/withinDeadline.ts'
import type { DatabaseLocation, MysqlLocation } from '../database/databaseUrl.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import { createOperationRunner } from '../database/operations.ts'
import { buildMysqlStatements } from './mysqlStatements.ts'
import { chunkSize, sweepMysqlChunk } from './mysqlSweep.ts'
import { buildMysqlSweepStatements } from './mysqlSweepStatements.ts'
import { createSqliteSweep } from './sqliteSweep.ts'
import type { SweepRepository } from './sweepRepository.ts'
import { createWriterConnections } from './writerConnections.ts'

/**
 * A chunk takes a tenth of a second. With refused rows it is repeated in parts, which takes longer. `followSessionEnds`
 * relies on this deadline: it misses rows that are committed much later than rows with higher ids.
 */
const chunkDeadlineMs = 20_000

/** Creates the repository of the sweep. It has its own connections, and connects when it is first used. */
export function createSweepRepository(
  location: DatabaseLocation,
  { tableName, displayName }: { readonly tableName: string; readonly displayName: string },
): SweepRepository {
  const sweep =
    location.dialect === 'sqlite'
      ? createSqliteSweep(location.path, tableName)
      : createMysqlSweep(location, tableName)
  const run = createOperationRunner({ displayName }, { dataKind: 'audit' })
  return {
    concurrency: sweep.concurrency,
    sweepChunk: (request) => run('unlimited', () => sweep.sweepChunk(request)),
    countBySite: () => run('unlimited', () => sweep.countBySite()),
    forgetLogouts: (before) => run('unlimited', () => sweep.forgetLogouts(before)),
    close: () => sweep.close(),
  }
}

function createMysqlSweep(location: MysqlLocation, tableName: string): SweepRepository {
  const connections = createWriterConnections(location)
  const statements = {
    ...buildMysqlSweepStatements(tableName, chunkSize),
    sessions: buildMysqlStatements(tableName),
  }
  const use = <T>(work: (connection: MysqlConnection) => Promise<T>) =>
    withinDeadline(chunkDeadlineMs, (signal) => connections.use(signal, work))
  return {
    // One transaction works while the other one waits for its commit. More were not faster.
    concurrency: 2,
    sweepChunk: (request) => use((connection) => sweepMysqlChunk(connection, statements, request)),
    countBySite: () =>
      use(async ({ connection }) => {
        const rows = await execute<{ site: string; count: number }[]>(connection, statements.countBySite)
        return new Map(rows.map(({ site, count }) => [site, Number(count)]))
      }),
    forgetLogouts: (before) =>
      use(async ({ connection }) => {
        let deleted: number
        do {
          const result = await execute<{ affectedRows: number }>(connection, statements.forgetLogouts, [
            toDatetime(before),
          ])
          deleted = result.affectedRows
        } while (deleted > 0)
      }),
    close: () => connections.close(),
  }
}
