import type { Connection } from 'mysql2'
import { execute } from './preparedStatements.ts'

/** The server has a setting that Lapse cannot work with; the message names it and says what to change. */
export class DatabaseSettingError extends Error {
  override readonly name = 'DatabaseSettingError'
}

/** What a server says of itself, as far as it matters here. */
export interface ServerState {
  readonly isMariadb: boolean
  /** The steps in which `AUTO_INCREMENT` grows on this connection; more than 1 on a cluster. */
  readonly idStep: number
  /** Whether a cluster may change those steps under an open connection (Percona XtraDB Cluster). */
  readonly mayChangeIdStep: boolean
  /** The largest statement that the server takes, with all its values, in bytes. */
  readonly maxPacketBytes: number
  /** The variables that make the server refuse writes, such as `super_read_only`; empty on a writer. */
  readonly readOnlyBecause: readonly string[]
  /** Settings by which a committed row can be lost in a crash, such as `sync_binlog=0`. */
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
 * What every connection sets for itself, whatever the server's defaults and `init_connect` say. Each of these can
 * change what a statement means, or make an acknowledged write vanish (`autocommit=0`, `completion_type=CHAIN`, an
 * engine without storage). The texts are constants: nothing that anyone sends becomes part of them.
 */
const setStatements = [
  'set names utf8mb4',
  `set session sql_mode = '${sqlModes.join()}', session time_zone = '+00:00', session autocommit = 1,
    session completion_type = 0, session sql_safe_updates = 0, session sql_auto_is_null = 0,
    session sql_select_limit = ${unlimited}, session max_join_size = ${unlimited}, session sql_big_selects = 1,
    session unique_checks = 1, session foreign_key_checks = 1, session default_storage_engine = InnoDB`,
  'set session transaction isolation level repeatable read',
  'set session transaction read write',
]

/** What the connection must have afterwards. MariaDB calls some variables by other names. */
const required: Readonly<Record<string, (value: string) => boolean>> = {
  sql_mode: (value) => sameSet(value.split(','), sqlModes),
  time_zone: is('+00:00'),
  character_set_client: is('utf8mb4'),
  character_set_connection: is('utf8mb4'),
  character_set_results: is('utf8mb4'),
  autocommit: is('ON'),
  completion_type: is('NO_CHAIN'),
  sql_safe_updates: is('OFF'),
  sql_auto_is_null: is('OFF'),
  sql_select_limit: is(unlimited),
  unique_checks: is('ON'),
  default_storage_engine: is('InnoDB'),
  transaction_isolation: is('REPEATABLE-READ'),
  tx_isolation: is('REPEATABLE-READ'),
  transaction_read_only: is('OFF'),
  tx_read_only: is('OFF'),
  max_allowed_packet: (value) => Number(value) >= minPacketBytes,
}

/** One row may take 8 KiB; a day of the rollup takes more. */
const minPacketBytes = 128 * 1024

const readOnlyVariables = ['read_only', 'super_read_only', 'innodb_read_only']

const described = [
  'version',
  'auto_increment_increment',
  'wsrep_on',
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'sync_binlog',
]

// Not a SELECT: a proxy that splits reads from writes would ask a replica, whose answers say nothing of the writer.
const showVariables = (names: readonly string[]) =>
  `show session variables where variable_name in (${names.map((name) => `'${name}'`).join()})`

const showAll = showVariables([...Object.keys(required), ...readOnlyVariables, ...described])
const showReadOnly = showVariables(readOnlyVariables)

async function readVariables(connection: Connection, statement: string): Promise<Map<string, string>> {
  const rows = await execute<{ Variable_name: string; Value: string }[]>(connection, statement)
  return new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]))
}

/**
 * Sets what Lapse relies on and reads back what the connection really has.
 *
 * @throws {DatabaseSettingError} naming each setting that is not as it must be.
 */
export async function prepareSession(connection: Connection): Promise<ServerState> {
  for (const statement of setStatements) await execute(connection, statement)
  const values = await readVariables(connection, showAll)
  const wrong = [...values].filter(([name, value]) => required[name]?.(value) === false)
  if (wrong.length > 0) {
    const settings = wrong.map(([name, value]) => `${name}=${value}`).join(', ')
    throw new DatabaseSettingError(
      `The database connection has ${settings}, although Lapse set other values. Rows could be lost or changed. ` +
        'Allow the account to set these for its session, or correct them on the server or in the proxy between.',
    )
  }
  return describeServer(values)
}

/** Whether the server takes writes now. An administrator's account could write to a replica, and must not. */
export async function takesWrites(connection: Connection): Promise<boolean> {
  return readOnlyBecause(await readVariables(connection, showReadOnly)).length === 0
}

/**
 * Limits how long a statement of this connection waits for a lock. By default MySQL waits for a table up to a year, also
 * when the client is long gone, and would run out of connections.
 */
export async function limitLockWaits(connection: Connection, seconds: number): Promise<void> {
  await execute(
    connection,
    `set session lock_wait_timeout = ${seconds}, session innodb_lock_wait_timeout = ${seconds}`,
  )
}

/**
 * Limits how long a statement of this connection may take. MySQL applies the limit to SELECT only.
 *
 * @param milliseconds above 0.
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
    readOnlyBecause: readOnlyBecause(values),
    durabilityRisks: risks
      .map(([name = '', safe]) => ({ name, safe, value: values.get(name) }))
      .filter(({ safe, value }) => value !== undefined && value !== safe)
      .map(({ name, value }) => `${name}=${value}`),
  }
}

function readOnlyBecause(values: ReadonlyMap<string, string>): string[] {
  // MariaDB 12 has more words than ON for a server that takes no writes.
  return readOnlyVariables.filter((name) => !['OFF', '0', undefined].includes(values.get(name)))
}

function is(wanted: string): (value: string) => boolean {
  return (value) => value.toUpperCase() === wanted.toUpperCase()
}

function sameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && others.every((other) => some.includes(other))
}
