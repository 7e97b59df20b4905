import { describeFailure, isPermanent } from './databaseErrors.ts'
import type { MysqlLocation } from './databaseUrl.ts'
import { findTable } from './mysql/findTable.ts'
import {
  closeConnection,
  connectToHost,
  isOwnMachine,
  type MysqlConnection,
} from './mysql/mysqlConnection.ts'
import { DatabaseSettingError } from './mysql/mysqlSettings.ts'
import { execute } from './mysql/preparedStatements.ts'
import { splitTableName } from './tableName.ts'

/**
 * Checks that the hosts accept writes and keep what they acknowledge. A host that is unavailable may come back, so it
 * is only a warning.
 *
 * @returns warnings, in sentences.
 * @throws {DatabaseSettingError} when no host can be used, and waiting would not change that.
 */
export async function checkServer(location: MysqlLocation, tableName: string): Promise<readonly string[]> {
  const warnings: string[] = []
  const obstacles: string[] = []
  let isUsable = false
  for (const host of location.hosts) {
    const hostName = `${host.host}:${host.port}`
    try {
      const connection = await connectToHost(location, host)
      try {
        const obstacle =
          findReadOnlyObstacle(connection) ??
          findBinlogObstacle(connection) ??
          (await findEngineObstacle(connection, tableName))
        if (obstacle !== undefined) obstacles.push(`${hostName}: ${obstacle}`)
        else isUsable = true
        warnings.push(
          ...connection.durabilityRisks.map(
            (setting) =>
              `${hostName} has ${setting}: acknowledged rows can be lost when the server crashes. Set it to 1.`,
          ),
        )
      } finally {
        closeConnection(connection.connection)
      }
    } catch (error) {
      if (isPermanent(error)) obstacles.push(`${hostName}: ${describeFailure(error)}`)
      else warnings.push(`The database ${hostName} is unavailable: ${describeFailure(error)}`)
      isUsable ||= !isPermanent(error)
    }
  }
  if (!isUsable) throw new DatabaseSettingError(`The database cannot be used:\n  ${obstacles.join('\n  ')}`)
  if (!['VERIFY_CA', 'VERIFY_IDENTITY'].includes(location.tls.mode) && !location.hosts.every(isOwnMachine))
    warnings.push(
      `The database's certificate is not verified (ssl-mode=${location.tls.mode}), so an impostor could read the password and the rows. Set ssl-mode=VERIFY_IDENTITY in the database URL.`,
    )
  return [...warnings, ...obstacles]
}

function findReadOnlyObstacle({ readOnlySettings }: MysqlConnection): string | undefined {
  if (readOnlySettings.length === 0) return undefined
  const settings = readOnlySettings.map((name) => `${name}=ON`).join(', ')
  return `It does not accept writes (${settings}). Use a host that does.`
}

function findBinlogObstacle({ logsReadCommitted }: MysqlConnection): string | undefined {
  if (logsReadCommitted) return undefined
  return 'It has binlog_format=STATEMENT, which refuses the isolation level READ COMMITTED. Set it to ROW or MIXED.'
}

/** An engine without transactions may keep a part of a batch, and an engine such as BLACKHOLE keeps nothing. */
async function findEngineObstacle(
  { connection }: MysqlConnection,
  tableName: string,
): Promise<string | undefined> {
  const table = await findTable((sql, values) => execute(connection, sql, values), splitTableName(tableName))
  if (!table || table.transactions === 'YES') return undefined
  return `The table ${tableName} has engine=${table.engine}, which has no transactions. Run: alter table ${tableName} engine = InnoDB`
}
