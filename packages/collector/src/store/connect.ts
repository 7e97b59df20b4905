import type Database from 'better-sqlite3'
import knex, { type Knex } from 'knex'
import type { DatabaseLocation, MysqlLocation } from './databaseUrl.ts'
import { mysqlConnector } from './mysqlConnection.ts'
import { createSqliteFile } from './sqliteFile.ts'

/** How long a caller waits for a connection before it hears that the database is away. */
const acquireTimeoutMs = 5_000

const sqliteClient = 'better-sqlite3'

/** Opens a pool on the database. Nothing is connected until the first query. */
export function connect(location: DatabaseLocation): Knex {
  // What knex would print of an error it throws as well.
  const silent = () => {}
  const log = { warn: silent, error: silent, deprecate: silent, debug: silent }
  return location.dialect === 'sqlite' ? sqlite(location.path, log) : mysql(location, log)
}

export function isSqlite(database: Knex): boolean {
  return database.client.config.client === sqliteClient
}

function sqlite(filename: string, log: Knex.Logger): Knex {
  return knex({
    client: sqliteClient,
    connection: { filename },
    useNullAsDefault: true,
    log,
    pool: {
      // SQLite has one writer; a second connection would only wait for the first.
      min: 0,
      max: 1,
      afterCreate: (connection: Database.Database, done: (error: unknown) => void) => {
        prepareSqlite(connection)
        connection.pragma('busy_timeout = 5000')
        done(null)
      },
    },
  })
}

export function prepareSqlite(connection: Database.Database): void {
  connection.pragma('journal_mode = WAL')
  // NORMAL, which is usual with WAL, may lose an acknowledged row with the power.
  connection.pragma('synchronous = FULL')
}

function mysql(location: MysqlLocation, log: Knex.Logger): Knex {
  const database = knex({
    client: 'mysql2',
    connection: {},
    log,
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: acquireTimeoutMs,
  })
  const open = mysqlConnector(location)
  // knex connects to one host. This is what it does for each connection of its pool, with its mark for a broken one.
  database.client.acquireRawConnection = async () => {
    const { connection } = await open()
    connection.on('error', (error) => Object.assign(connection, { __knex__disposed: error }))
    return connection
  }
  return database
}

/** Makes the database that a URL names, if it is missing: a file, or a database on the server. */
export async function createMissingDatabase(location: DatabaseLocation): Promise<void> {
  if (location.dialect === 'sqlite') return createSqliteFile(location.path)
  const named = connect(location)
  try {
    await named.raw('select 1')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ER_BAD_DB_ERROR')) throw error
    const unnamed = connect({ ...location, database: '' })
    await unnamed
      .raw('create database if not exists ??', [location.database])
      .finally(() => unnamed.destroy())
  } finally {
    await named.destroy()
  }
}
