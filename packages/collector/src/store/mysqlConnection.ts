import { type Connection, createConnection } from 'mysql2'
import type { MysqlLocation } from './databaseUrl.ts'
import { withinDeadline } from './deadline.ts'

/** An open connection, and what its host said of itself. */
export interface MysqlConnection {
  readonly connection: Connection
  readonly isMariadb: boolean
  /** By how much `auto_increment` grows; more than 1 on a cluster. */
  readonly idStep: number
  readonly isReadOnly: boolean
}

/** In milliseconds. Two hosts that are gone still leave time for a third within the deadline of a write. */
const connectTimeoutMs = 2_000

/**
 * Opens connections to the first host that can be reached and takes writes, beginning with the one that was good last
 * time. A host that is read-only is taken when no other is left: it can be read from.
 */
export function mysqlConnector(location: MysqlLocation): () => Promise<MysqlConnection> {
  let hosts = [...location.hosts]
  return async () => {
    let readOnly: MysqlConnection | undefined
    const failures: unknown[] = []
    for (const host of hosts) {
      const opened = await open(location, host).catch((error: unknown) => void failures.push(error))
      if (!opened) continue
      if (opened.isReadOnly) {
        readOnly?.connection.destroy()
        readOnly = opened
        continue
      }
      readOnly?.connection.destroy()
      hosts = [host, ...hosts.filter((other) => other !== host)]
      return opened
    }
    if (readOnly) return readOnly
    throw failures.at(-1)
  }
}

async function open(location: MysqlLocation, host: MysqlLocation['hosts'][number]): Promise<MysqlConnection> {
  const { user, password, database } = location
  const connection = createConnection({
    ...host,
    user,
    password,
    database,
    charset: 'utf8mb4',
    timezone: 'Z',
    // The deadline below also counts the time after the socket is open, in which a host that hangs says nothing.
    connectTimeout: connectTimeoutMs,
  })
  // A connection that breaks while nobody uses it fails the next one who does.
  connection.on('error', () => {})
  try {
    const [about] = await withinDeadline(connectTimeoutMs, async () => {
      await new Promise<void>((resolve, reject) => {
        connection.connect((error) => (error ? reject(error) : resolve()))
      })
      return query<HostState[]>(connection, aboutHost)
    })
    return {
      connection,
      isMariadb: /mariadb/i.test(about?.version ?? ''),
      idStep: about?.idStep ?? 1,
      isReadOnly: !['0', 'OFF'].includes(String(about?.readOnly)),
    }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

const aboutHost =
  'select version() as version, @@session.auto_increment_increment as idStep, @@global.read_only as readOnly'

interface HostState {
  readonly version: string
  readonly idStep: number
  readonly readOnly: number | string
}

/** Runs a statement; the caller names the form of its result. */
export function query<Result>(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Result> {
  return new Promise((resolve, reject) => {
    connection.query(sql, [...values], (error, result) => {
      if (error) reject(error)
      else resolve(result as Result)
    })
  })
}
