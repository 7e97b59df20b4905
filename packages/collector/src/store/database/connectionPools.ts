import knex, { type Knex } from 'knex'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { DatabaseLocation, MysqlLocation } from './databaseUrl.ts'
import { lookupDeadlineMs, partDeadlineMs, queryDeadlineMs } from './deadlines.ts'
import { PreparedMysqlClient } from './mysql/mysqlClient.ts'
import { createMysqlConnector } from './mysql/mysqlConnection.ts'
import { ThreadedSqliteClient } from './sqlite/sqliteClient.ts'
import { createSqliteFile } from './sqlite/sqliteFile.ts'

/** How long a request waits for a free connection. */
const acquireTimeoutMs = 5_000
/**
 * No request waits for a job, so a job may wait longer: for example, in an embedded database, until another job's
 * transaction has finished.
 */
const jobAcquireTimeoutMs = 60_000

/** The limits of one pool of connections. */
interface PoolLimits {
  readonly connections: number
  /** Each SQLite connection is a thread, so more of them than cores would not be faster. */
  readonly sqliteThreads: number
  /** In milliseconds. Unlimited by default. */
  readonly statementTimeoutMs?: number
  readonly acquireConnectionTimeout?: number
}

/**
 * Each kind of work has its own pool: slow summaries must not delay the look-up of a token or a health check. The
 * writer has its own connections.
 */
const poolLimits = {
  /** Lists, exports and single rows. */
  reading: { connections: 6, sqliteThreads: 2, statementTimeoutMs: queryDeadlineMs },
  /** Numbers of rows beside lists. */
  counts: { connections: 2, sqliteThreads: 1, statementTimeoutMs: partDeadlineMs },
  /** Summaries, which read many rows at a time. */
  summaries: { connections: 2, sqliteThreads: 2, statementTimeoutMs: queryDeadlineMs },
  /** Tokens and dashboard sessions. */
  auth: { connections: 4, sqliteThreads: 1, statementTimeoutMs: lookupDeadlineMs },
  health: { connections: 1, sqliteThreads: 1, statementTimeoutMs: lookupDeadlineMs },
  /** Marks that the collector is running. Nothing else may delay them. */
  marks: { connections: 1, sqliteThreads: 1, statementTimeoutMs: lookupDeadlineMs },
  /** Leases and positions of destinations. A lease that is renewed late is lost. */
  forward: { connections: 2, sqliteThreads: 1, statementTimeoutMs: lookupDeadlineMs },
  /** Migrations, purge, rollup and mirrors, which may take long. */
  jobs: { connections: 4, sqliteThreads: 1, acquireConnectionTimeout: jobAcquireTimeoutMs },
} as const satisfies Record<string, PoolLimits>

type PoolName = keyof typeof poolLimits

/** Creates a pool of connections. Nothing is connected until the first query. */
function createPool(location: DatabaseLocation, name: PoolName): Knex {
  const limits = poolLimits[name]
  return location.dialect === 'sqlite'
    ? createSqlitePool(location.path, limits)
    : createMysqlPool(location, limits)
}

/** Creates all pools of a process. Nothing is connected until the first query. */
export function createPools(location: DatabaseLocation): Readonly<Record<PoolName, Knex>> {
  return {
    reading: createPool(location, 'reading'),
    counts: createPool(location, 'counts'),
    summaries: createPool(location, 'summaries'),
    auth: createPool(location, 'auth'),
    health: createPool(location, 'health'),
    marks: createPool(location, 'marks'),
    forward: createPool(location, 'forward'),
    jobs: createPool(location, 'jobs'),
  }
}

// knex would print errors that it also throws.
const ignore = () => {}
const log = { warn: ignore, error: ignore, deprecate: ignore, debug: ignore }

// Error messages contain the statement without its values, which may be personal data.
const commonConfig = { log, compileSqlOnError: false } as const

function createSqlitePool(
  path: string,
  { sqliteThreads, statementTimeoutMs, acquireConnectionTimeout = acquireTimeoutMs }: PoolLimits,
): Knex {
  return knex({
    ...commonConfig,
    acquireConnectionTimeout,
    client: ThreadedSqliteClient,
    connection: { filename: path },
    useNullAsDefault: true,
    statementTimeoutMs,
    pool: { min: 0, max: sqliteThreads },
    // knex does not declare the settings of custom clients.
  } as Knex.Config)
}

function createMysqlPool(
  location: MysqlLocation,
  { connections, statementTimeoutMs, acquireConnectionTimeout = acquireTimeoutMs }: PoolLimits,
): Knex {
  return knex({
    ...commonConfig,
    acquireConnectionTimeout,
    client: PreparedMysqlClient,
    connection: {},
    open: createMysqlConnector(
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
    // knex does not declare the settings of custom clients.
  } as Knex.Config)
}

/** Creates the database if it does not exist: a file, or a database on the server. */
export async function createMissingDatabase(location: DatabaseLocation): Promise<void> {
  if (location.dialect === 'sqlite') return createSqliteFile(location.path)
  const database = createPool(location, 'jobs')
  try {
    await database.raw('select 1')
  } catch (error) {
    if (!hasErrorCode(error, ['ER_BAD_DB_ERROR'])) throw error
    const server = createPool({ ...location, database: '' }, 'jobs')
    await server.raw('create database if not exists ??', [location.database]).finally(() => server.destroy())
  } finally {
    await database.destroy()
  }
}
