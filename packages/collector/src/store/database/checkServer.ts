import { describeFailure, isPermanent } from './databaseErrors.ts'
import type { MysqlLocation } from './databaseUrl.ts'
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
 * Checks that a host takes writes and keeps what it acknowledges. A host that is unavailable now may come back, so it
 * is only a warning.
 *
 * @returns warnings, in sentences.
 * @throws {DatabaseSettingError} when no host can be used, and waiting would not change that.
 */
export async function checkServer(location: MysqlLocation, tableName: string): Promise<readonly string[]> {
  const warnings: string[] = []
  const unusable: string[] = []
  let isUsable = false
  for (const host of location.hosts) {
    const name = `${host.host}:${host.port}`
    try {
      const opened = await connectToHost(location, host)
      try {
        const obstacle = readOnlyObstacle(opened) ?? (await engineObstacle(opened, tableName))
        if (obstacle !== undefined) unusable.push(`${name}: ${obstacle}`)
        else isUsable = true
        warnings.push(...opened.durabilityRisks.map((risk) => `${name} has ${risk}: ${inCrash}`))
      } finally {
        closeConnection(opened.connection)
      }
    } catch (error) {
      if (isPermanent(error)) unusable.push(`${name}: ${describeFailure(error)}`)
      else warnings.push(`The database ${name} is unavailable: ${describeFailure(error)}`)
      // What is unavailable may be usable when it is back.
      isUsable ||= !isPermanent(error)
    }
  }
  if (!isUsable) throw new DatabaseSettingError(`The database cannot be used:\n  ${unusable.join('\n  ')}`)
  if (!['VERIFY_CA', 'VERIFY_IDENTITY'].includes(location.tls.mode) && !location.hosts.every(isOwnMachine))
    warnings.push(
      `The database's certificate is not checked (ssl-mode=${location.tls.mode}), so a false server could read the password and the rows. Set ssl-mode=VERIFY_IDENTITY in the database URL.`,
    )
  return [...warnings, ...unusable]
}

const inCrash = 'a row that was acknowledged can be lost when the server crashes. Set it to 1.'

function readOnlyObstacle({ readOnlyBecause }: MysqlConnection): string | undefined {
  if (readOnlyBecause.length === 0) return undefined
  return `It takes no writes (${readOnlyBecause.map((name) => `${name}=ON`).join(', ')}). Name the host that does.`
}

/** An engine without transactions may keep a part of a batch, and one such as BLACKHOLE keeps nothing. */
async function engineObstacle(
  { connection }: MysqlConnection,
  tableName: string,
): Promise<string | undefined> {
  const { schema, table } = splitTableName(tableName)
  const [found] = await execute<{ engine: string; transactions: string | null }[]>(
    connection,
    `select t.engine as engine, e.transactions as transactions
    from information_schema.tables t left join information_schema.engines e on e.engine = t.engine
    where t.table_schema = coalesce(?, database()) and t.table_name = ?`,
    [schema, table],
  )
  if (!found || found.transactions === 'YES') return undefined
  return `The table ${tableName} has engine=${found.engine}, which has no transactions. Run: alter table ${tableName} engine = InnoDB`
}
