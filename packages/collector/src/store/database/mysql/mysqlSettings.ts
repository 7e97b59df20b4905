import type { Connection } from 'mysql2'
import { execute } from './preparedStatements.ts'

/** A server or a connection has a setting that Lapse cannot work with. The message names it and says what to change. */
export class DatabaseSettingError extends Error {
  override readonly name = 'DatabaseSettingError'
}

/** The properties of a server and a connection that matter to Lapse. */
export interface ServerState {
  readonly isMariadb: boolean
  /** By how much `AUTO_INCREMENT` ids grow on this connection: more than 1 on a cluster. */
  readonly idStep: number
  /** Whether a cluster may change that step while the connection is open (Percona XtraDB Cluster). */
  readonly mayChangeIdStep: boolean
  /** The largest statement that the server accepts, including its values, in bytes. */
  readonly maxPacketBytes: number
  /** The variables that make the server refuse writes, such as `super_read_only`. Empty if it accepts writes. */
  readonly readOnlySettings: readonly string[]
  /** Whether the binary log accepts transactions that read what others have committed meanwhile. */
  readonly logsReadCommitted: boolean
  /** Settings that can lose committed rows in a crash, such as `sync_binlog=0`. */
  readonly durabilityRisks: readonly string[]
}

const sqlModes = [
  'STRICT_ALL_TABLES',
  'NO_ZERO_IN_DATE',
  'NO_ZERO_DATE',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'NO_ENGINE_SUBSTITUTION',
]
const unlimited = '18446744073709551615'

/**
 * Run on every connection, because the server's defaults and `init_connect` may be different. Each of these settings
 * can change the meaning of a statement, or make an acknowledged write disappear (`autocommit=0`,
 * `completion_type=CHAIN`, an engine without storage).
 */
const setStatements = [
  'set names utf8mb4',
  `set session sql_mode = '${sqlModes.join()}', session time_zone = '+00:00', session autocommit = 1,
    session completion_type = 0, session sql_safe_updates = 0, session sql_auto_is_null = 0,
    session sql_select_limit = ${unlimited}, session max_join_size = ${unlimited}, session sql_big_selects = 1,
    session unique_checks = 1, session foreign_key_checks = 1, session default_storage_engine = InnoDB`,
  'set session transaction read write',
]

/**
 * What a transaction sees of others. The writer reads what others have committed meanwhile, and locks no gaps between
 * rows.
 */
export type IsolationLevel = 'REPEATABLE-READ' | 'READ-COMMITTED'

/** Checks of the values after these statements. MariaDB has different names for some variables. */
const requiredValues: Readonly<Record<string, (value: string) => boolean>> = {
  sql_mode: (value) => hasSameMembers(value.split(','), sqlModes),
  time_zone: equals('+00:00'),
  character_set_client: equals('utf8mb4'),
  character_set_connection: equals('utf8mb4'),
  character_set_results: equals('utf8mb4'),
  autocommit: equals('ON'),
  completion_type: equals('NO_CHAIN'),
  sql_safe_updates: equals('OFF'),
  sql_auto_is_null: equals('OFF'),
  sql_select_limit: equals(unlimited),
  unique_checks: equals('ON'),
  default_storage_engine: equals('InnoDB'),
  transaction_read_only: equals('OFF'),
  tx_read_only: equals('OFF'),
  max_allowed_packet: (value) => Number(value) >= minPacketBytes,
}

/** A row takes up to 8 KiB, a day of the rollup more. */
const minPacketBytes = 128 * 1024

const readOnlyVariables = ['read_only', 'super_read_only', 'innodb_read_only']

const describedVariables = [
  'version',
  'auto_increment_increment',
  'wsrep_on',
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'binlog_format',
  'sync_binlog',
]

// Not a SELECT: a proxy that splits reads from writes would send it to a replica, which may have other settings.
const buildShowVariables = (names: readonly string[]) =>
  `show session variables where variable_name in (${names.map((name) => `'${name}'`).join()})`

/** The name of the variable before MySQL 8.0, and in MariaDB before 11.1. */
const isolationVariables = ['transaction_isolation', 'tx_isolation']

const showAllVariables = buildShowVariables([
  ...Object.keys(requiredValues),
  ...isolationVariables,
  ...readOnlyVariables,
  ...describedVariables,
])
const showReadOnlyVariables = buildShowVariables(readOnlyVariables)

async function readVariables(connection: Connection, statement: string): Promise<Map<string, string>> {
  const rows = await execute<{ Variable_name: string; Value: string }[]>(connection, statement)
  return new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]))
}

/**
 * Sets everything that Lapse relies on, and reads the settings back: a proxy may drop them.
 *
 * @throws {DatabaseSettingError} naming each setting that has another value.
 */
export async function prepareSession(
  connection: Connection,
  isolationLevel: IsolationLevel = 'REPEATABLE-READ',
): Promise<ServerState> {
  for (const statement of setStatements) await execute(connection, statement)
  await execute(
    connection,
    `set session transaction isolation level ${isolationLevel.replace('-', ' ').toLowerCase()}`,
  )
  const values = await readVariables(connection, showAllVariables)
  const required = {
    ...requiredValues,
    ...Object.fromEntries(isolationVariables.map((name) => [name, equals(isolationLevel)])),
  }
  const wrong = [...values].filter(([name, value]) => required[name]?.(value) === false)
  if (wrong.length > 0) {
    const settings = wrong.map(([name, value]) => `${name}=${value}`).join(', ')
    throw new DatabaseSettingError(
      `The database connection has ${settings}, although Lapse set other values. Rows could be lost or changed. ` +
        'Allow the account to set these for its session, or correct them on the server or in the proxy in front of it.',
    )
  }
  return describeServer(values)
}

/**
 * Returns whether the server accepts writes now. This matters for administrators, whose accounts can write to read-only
 * replicas.
 */
export async function acceptsWrites(connection: Connection): Promise<boolean> {
  return findReadOnlySettings(await readVariables(connection, showReadOnlyVariables)).length === 0
}

/**
 * Limits how long a statement of this connection waits for a lock. By default MySQL waits up to a year for a table,
 * even after the client has disconnected, and could run out of connections.
 */
export async function limitLockWaits(connection: Connection, seconds: number): Promise<void> {
  await execute(
    connection,
    `set session lock_wait_timeout = ${seconds}, session innodb_lock_wait_timeout = ${seconds}`,
  )
}

/**
 * Limits how long a statement of this connection may run. MySQL applies the limit to SELECT only.
 *
 * @param milliseconds 0 for no limit.
 */
export async function limitStatements(
  connection: Connection,
  { isMariadb }: ServerState,
  milliseconds: number,
): Promise<void> {
  const setting = isMariadb
    ? `max_statement_time = ${(milliseconds / 1000).toFixed(3)}`
    : `max_execution_time = ${Math.ceil(milliseconds)}`
  await execute(connection, `set session ${setting}`)
}

function describeServer(values: ReadonlyMap<string, string>): ServerState {
  const isMariadb = /mariadb/i.test(values.get('version') ?? '')
  const risks = [
    ['innodb_flush_log_at_trx_commit', '1'],
    ...(values.get('log_bin') === 'ON' ? [['sync_binlog', '1']] : []),
  ]
  return {
    isMariadb,
    idStep: Number(values.get('auto_increment_increment') ?? 1),
    mayChangeIdStep: values.get('wsrep_on') === 'ON',
    maxPacketBytes: Number(values.get('max_allowed_packet') ?? minPacketBytes),
    readOnlySettings: findReadOnlySettings(values),
    logsReadCommitted: values.get('log_bin') !== 'ON' || values.get('binlog_format') !== 'STATEMENT',
    durabilityRisks: risks
      .map(([name = '', safe]) => ({ name, safe, value: values.get(name) }))
      .filter(({ safe, value }) => value !== undefined && value !== safe)
      .map(({ name, value }) => `${name}=${value}`),
  }
}

function findReadOnlySettings(values: ReadonlyMap<string, string>): string[] {
  // MariaDB 12 has other values than ON that also refuse writes.
  return readOnlyVariables.filter((name) => !['OFF', '0', undefined].includes(values.get(name)))
}

function equals(expected: string): (value: string) => boolean {
  return (value) => value.toUpperCase() === expected.toUpperCase()
}

function hasSameMembers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && others.every((other) => some.includes(other))
}
