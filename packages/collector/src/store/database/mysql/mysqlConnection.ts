import type { Socket } from 'node:net'
import mysql, { type Connection, createConnection, type SslOptions } from 'mysql2'
import { hasErrorCode } from '../../../domain/thrownError.ts'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import type { MysqlLocation } from '../databaseUrl.ts'
import {
  type IsolationLevel,
  limitLockWaits,
  limitStatements,
  prepareSession,
  type ServerState,
} from './mysqlSettings.ts'
import { readTlsOptions } from './mysqlTls.ts'

/** An open connection and the properties of its server. */
export interface MysqlConnection extends ServerState {
  readonly connection: Connection
}

export interface ConnectOptions {
  /** How long a statement may run, in milliseconds. Unlimited by default. */
  readonly statementTimeoutMs?: number
  /** How long a statement may wait for a lock. */
  readonly lockTimeoutSeconds?: number
  /** What a transaction sees of others. `REPEATABLE-READ` by default. */
  readonly isolationLevel?: IsolationLevel
}

/** Long enough for a migration to wait for a transaction that reads the table. */
const defaultLockTimeoutSeconds = 60

/** Two unreachable hosts leave enough time for a third within the 5 seconds of a write. */
const connectTimeoutMs = 2_000

/**
 * Creates a function that opens connections to the first host that is reachable and accepts writes, starting with the
 * last one that did. If there is none, a read-only host is used: it can still be read from.
 */
export function createMysqlConnector(
  location: MysqlLocation,
  options: ConnectOptions = {},
): () => Promise<MysqlConnection> {
  let hosts = [...location.hosts]
  return async () => {
    let readOnly: MysqlConnection | undefined
    const failures: unknown[] = []
    for (const host of hosts) {
      const opened = await connectToHost(location, host, options).catch(
        (error: unknown) => void failures.push(error),
      )
      if (!opened) continue
      if (opened.readOnlySettings.length > 0) {
        if (readOnly) closeConnection(readOnly.connection)
        readOnly = opened
        continue
      }
      if (readOnly) closeConnection(readOnly.connection)
      hosts = [host, ...hosts.filter((other) => other !== host)]
      return opened
    }
    if (readOnly) return readOnly
    throw failures.at(-1)
  }
}

type Host = MysqlLocation['hosts'][number]

/** Opens a connection to one host. The caller closes it. */
export async function connectToHost(
  location: MysqlLocation,
  host: Host,
  options: ConnectOptions = {},
): Promise<MysqlConnection> {
  const ssl = readTlsOptions(location.tls)
  try {
    return await openOnce(location, host, ssl, options)
  } catch (error) {
    // Like MySQL's own clients, PREFERRED encrypts if the server can, and otherwise connects without encryption.
    if (location.tls.mode !== 'PREFERRED' || !isTlsUnavailable(error)) throw error
    return openOnce(location, host, undefined, options)
  }
}

async function openOnce(
  { user, password, database }: MysqlLocation,
  host: Host,
  ssl: SslOptions | undefined,
  { statementTimeoutMs, lockTimeoutSeconds = defaultLockTimeoutSeconds, isolationLevel }: ConnectOptions,
): Promise<MysqlConnection> {
  const connection = createConnection({
    ...host,
    user,
    password,
    database,
    charset: 'utf8mb4',
    timezone: 'Z',
    maxPreparedStatements,
    ...(ssl && { ssl }),
    ...(!ssl && !isOwnMachine(host) && { authPlugins: encryptedPasswordsOnly }),
    // The deadline below also covers a host that accepts the connection and then sends nothing.
    connectTimeout: connectTimeoutMs,
  })
  // A connection that breaks while it is idle fails its next statement, which reports the error.
  connection.on('error', () => {})
  try {
    const state = await withinDeadline(connectTimeoutMs, async () => {
      await new Promise<void>((resolve, reject) => {
        connection.connect((error) => (error ? reject(error) : resolve()))
      })
      const prepared = await prepareSession(connection, isolationLevel)
      await limitLockWaits(connection, lockTimeoutSeconds)
      if (statementTimeoutMs !== undefined) await limitStatements(connection, prepared, statementTimeoutMs)
      return prepared
    })
    markUsed(connection)
    return { connection, ...state }
  } catch (error) {
    closeConnection(connection)
    throw error
  }
}

/** Connections within this machine cannot be intercepted by an impostor. */
export function isOwnMachine({ host }: Host): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host)
}

function refuseServerKey(): never {
  throw new Error('The server asks for the password without TLS')
}

/**
 * Without TLS, the password is encrypted with a key that the server sends. An impostor could send its own key and read
 * the password. MySQL's own clients do not accept such a key by default either.
 */
const encryptedPasswordsOnly = {
  caching_sha2_password: mysql.authPlugins.caching_sha2_password({ onServerPublicKey: refuseServerKey }),
  sha256_password: mysql.authPlugins.sha256_password({ onServerPublicKey: refuseServerKey }),
}

/** A prepared statement takes memory on the server, which by default allows 16,382 of them in total. */
const maxPreparedStatements = 50

function isTlsUnavailable(error: unknown): boolean {
  return hasErrorCode(error, ['HANDSHAKE_NO_SSL_SUPPORT', 'HANDSHAKE_SSL_ERROR'])
}

/** When each connection was last used, by the monotonic clock in milliseconds. */
const lastUsed = new WeakMap<Connection, number>()
/** A connection that was used this recently is not checked. */
const freshMs = 500
const pingTimeoutMs = 1_000

export function markUsed(connection: Connection): void {
  lastUsed.set(connection, performance.now())
}

/**
 * Checks whether an idle connection still works. Servers and firewalls close idle connections, and the next statement
 * must not fail because of that. A connection that does not answer is closed.
 */
export async function isAlive(connection: Connection): Promise<boolean> {
  if (isClosed(connection)) return false
  if (performance.now() - (lastUsed.get(connection) ?? 0) < freshMs) return true
  try {
    await withinDeadline(
      pingTimeoutMs,
      () =>
        new Promise<void>((resolve, reject) => {
          connection.ping((error) => (error ? reject(error) : resolve()))
        }),
    )
    return true
  } catch {
    closeConnection(connection)
    return false
  }
}

/**
 * Closes a connection immediately. The driver's `destroy` alone waits for the server to close its side, which would
 * keep the process running while the server hangs.
 */
export function closeConnection(connection: Connection): void {
  connection.destroy()
  ;(connection as DriverConnection).stream?.destroy()
}

/** Properties that the driver has, but does not declare. */
type DriverConnection = Connection & {
  readonly _fatalError?: unknown
  readonly _protocolError?: unknown
  readonly _closing?: boolean
  readonly stream?: Socket
}

function isClosed(connection: Connection): boolean {
  const { _fatalError, _protocolError, _closing, stream } = connection as DriverConnection
  return Boolean(_fatalError || _protocolError || _closing || stream?.destroyed)
}
