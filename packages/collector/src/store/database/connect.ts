import knex, { type Knex } from 'knex'
import { hasErrorCode } from './databaseErrors.ts'
import type { DatabaseLocation, MysqlLocation } from './databaseUrl.ts'
import { PreparedMysqlClient } from './mysql/mysqlClient.ts'
import { mysqlConnector } from './mysql/mysqlConnection.ts'
import { ThreadedSqliteClient } from './sqlite/sqliteClient.ts'
import { createSqliteFile } from './sqlite/sqliteFile.ts'

/** How long a caller waits for a connection before it is told that the database is unavailable. */
const acquireTimeoutMs = 5_000
/** Nobody waits for a job, and several may be under way on one connection. */
const jobAcquireTimeoutMs = 60_000

/** How many connections one kind of work has, and how long each of its statements may take. */
interface PoolLimits {
  readonly connections: number
  /** SQLite's connections are threads, of which one computes at a time on each core. */
  readonly sqliteThreads: number
  /** In milliseconds; unlimited when missing. */
  readonly statementTimeoutMs?: number
  readonly acquireConnectionTimeout?: number
}

/**
 * The pools of a process, one for each kind of work: a reader's heavy summaries must not keep a server's token from
 * being looked up, or a health check waiting. The writer has connections of its own.
 */
const pools = {
  /** Lists, exports and single rows. */
  reading: { connections: 6, sqliteThreads: 2, statementTimeoutMs: 30_000 },
  /** Summaries, which read many rows at a time. */
  summaries: { connections: 2, sqliteThreads: 1, statementTimeoutMs: 30_000 },
  /** Tokens and sessions of the dashboard. */
  auth: { connections: 4, sqliteThreads: 1, statementTimeoutMs: 5_000 },
  health: { connections: 1, sqliteThreads: 1, statementTimeoutMs: 5_000 },
  /** Migrations, purge, rollup and mirror: these may take long, and renew their lease meanwhile. */
  jobs: { connections: 4, sqliteThreads: 1, acquireConnectionTimeout: jobAcquireTimeoutMs },
} as const satisfies Record<string, PoolLimits>

export type PoolName = keyof typeof pools

/** Opens a pool on the database. Nothing is connected until the first query. */
export function connect(location: DatabaseLocation, pool: PoolName): Knex {
  return location.dialect === 'sqlite' ? sqlite(location.path, pools[pool]) : mysql(location, pools[pool])
}

export function isSqlite(database: Knex): boolean {
  return database.client.driverName === 'better-sqlite3'
}

// What knex would print of an error it throws as well.
const silent = () => {}
const log = { warn: silent, error: silent, deprecate: silent, debug: silent }

/** Messages of errors hold the statement without its values, which may be personal. */
const shared = { log, compileSqlOnError: false } as const

function sqlite(
  path: string,
  { sqliteThreads, statementTimeoutMs, acquireConnectionTimeout = acquireTimeoutMs }: PoolLimits,
): Knex {
  return knex({
    ...shared,
    acquireConnectionTimeout,
    client: ThreadedSqliteClient,
    connection: { filename: path },
    useNullAsDefault: true,
    statementTimeoutMs,
    pool: { min: 0, max: sqliteThreads },
  } as Knex.Config)
}

function mysql(
  location: MysqlLocation,
  { connections, statementTimeoutMs, acquireConnectionTimeout = acquireTimeoutMs }: PoolLimits,
): Knex {
  return knex({
    ...shared,
    acquireConnectionTimeout,
    client: PreparedMysqlClient,
    connection: {},
    open: mysqlConnector(
      location,
      statementTimeoutMs === undefined
        ? {}
        : {
            statementTimeoutMs,
            lockTimeoutSeconds: Math.ceil(statementTimeoutMs / 1000),
          },
    ),
    statementTimeoutMs,
    pool: { min: 0, max: connections },
  } as Knex.Config)
}

/** Creates the database that a URL names, if it is missing: a file, or a database on the server. */
export async function createMissingDatabase(location: DatabaseLocation): Promise<void> {
  if (location.dialect === 'sqlite') return createSqliteFile(location.path)
  const named = connect(location, 'jobs')
  try {
    await named.raw('select 1')
  } catch (error) {
    if (!hasErrorCode(error, ['ER_BAD_DB_ERROR'])) throw error
    const unnamed = connect({ ...location, database: '' }, 'jobs')
    await unnamed
      .raw('create database if not exists ??', [location.database])
      .finally(() => unnamed.destroy())
  } finally {
    await named.destroy()
  }
}
