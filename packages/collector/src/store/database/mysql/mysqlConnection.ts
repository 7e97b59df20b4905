import type { Socket } from 'node:net'
import mysql, { type Connection, createConnection, type SslOptions } from 'mysql2'
import { withinDeadline } from '../../../lifecycle/withinDeadline.ts'
import { hasErrorCode } from '../databaseErrors.ts'
import type { MysqlLocation } from '../databaseUrl.ts'
import { limitLockWaits, limitStatements, prepareSession, type ServerState } from './mysqlSettings.ts'
import { readTlsOptions } from './mysqlTls.ts'

/** An open connection, and what its server said of itself. */
export interface MysqlConnection extends ServerState {
  readonly connection: Connection
}

export interface ConnectOptions {
  /** How long a statement may take, in milliseconds; unlimited when missing. */
  readonly statementTimeoutMs?: number
  /** How long a statement may wait for a lock. */
  readonly lockTimeoutSeconds?: number
}

/** Long enough for a migration to wait until a transaction has ended that reads the table. */
const defaultLockTimeoutSeconds = 60

/** In milliseconds. Two hosts that are gone still leave time for a third within the deadline of a write. */
const connectTimeoutMs = 2_000

/**
 * Opens connections to the first host that can be reached and takes writes, beginning with the one that was good last
 * time. A read-only host is used when no other is left: it can be read from.
 */
export function mysqlConnector(
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
      if (opened.readOnlyBecause.length > 0) {
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

/** Opens a connection to one host. The caller destroys it. */
export async function connectToHost(
  location: MysqlLocation,
  host: Host,
  options: ConnectOptions = {},
): Promise<MysqlConnection> {
  const ssl = readTlsOptions(location.tls)
  try {
    return await openOnce(location, host, ssl, options)
  } catch (error) {
    // PREFERRED encrypts where the server can, and else goes on without, as MySQL's own clients do.
    if (location.tls.mode !== 'PREFERRED' || !isTlsUnavailable(error)) throw error
    return openOnce(location, host, undefined, options)
  }
}

async function openOnce(
  { user, password, database }: MysqlLocation,
  host: Host,
  ssl: SslOptions | undefined,
  { statementTimeoutMs, lockTimeoutSeconds = defaultLockTimeoutSeconds }: ConnectOptions,
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
    // The deadline below also counts the time after the socket is open, in which a host that hangs says nothing.
    connectTimeout: connectTimeoutMs,
  })
  // A connection that breaks while nobody uses it fails the next one who does.
  connection.on('error', () => {})
  try {
    const state = await withinDeadline(connectTimeoutMs, async () => {
      await new Promise<void>((resolve, reject) => {
        connection.connect((error) => (error ? reject(error) : resolve()))
      })
      const prepared = await prepareSession(connection)
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

/** Nobody stands between this machine and itself. */
export function isOwnMachine({ host }: Host): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host)
}

function refuseServerKey(): never {
  throw new Error('The server asks for the password without TLS')
}

/**
 * Without TLS, a password is encrypted with a key that the server sends. A false server sends its own, and reads it.
 * MySQL's own clients do not accept such a key either.
 */
const encryptedPasswordsOnly = {
  caching_sha2_password: mysql.authPlugins.caching_sha2_password({ onServerPublicKey: refuseServerKey }),
  sha256_password: mysql.authPlugins.sha256_password({ onServerPublicKey: refuseServerKey }),
}

/** Each statement that a connection keeps prepared takes memory on the server, of which it allows 16,382 in all. */
const maxPreparedStatements = 50

function isTlsUnavailable(error: unknown): boolean {
  return hasErrorCode(error, ['HANDSHAKE_NO_SSL_SUPPORT', 'HANDSHAKE_SSL_ERROR'])
}

/** When each connection was last used, in milliseconds of the monotonic clock. */
const lastUsed = new WeakMap<Connection, number>()
/** A connection that was used so recently is not asked whether it still answers. */
const freshMs = 500
const pingTimeoutMs = 1_000

export function markUsed(connection: Connection): void {
  lastUsed.set(connection, performance.now())
}

/**
 * Whether an idle connection still works. Servers and firewalls close idle connections, and whoever comes first
 * afterwards must not pay for that. One that does not answer is destroyed.
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
 * Closes a connection at once. The driver's own `destroy` waits for the server to close its side, and the process with
 * it when the server hangs.
 */
export function closeConnection(connection: Connection): void {
  connection.destroy()
  ;(connection as DriverConnection).stream?.destroy()
}

/** What the driver has, but does not say in its types. */
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
