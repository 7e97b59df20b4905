import type Database from 'better-sqlite3'
import knex, { type Knex } from 'knex'
import type { DatabaseLocation } from './databaseUrl.ts'

/** How long a caller waits for a connection before it hears that the database is away. */
const acquireTimeoutMs = 3_000

const sqliteClient = 'better-sqlite3'

/** Opens a pool on the database. Nothing is connected until the first query. */
export function connect(location: DatabaseLocation): Knex {
  const config = location.dialect === 'sqlite' ? sqlite(location.path) : mysql(location)
  // What knex would print of an error it throws as well.
  const silent = () => {}
  return knex({ ...config, log: { warn: silent, error: silent, deprecate: silent, debug: silent } })
}

export function isSqlite(database: Knex): boolean {
  return database.client.config.client === sqliteClient
}

function sqlite(filename: string): Knex.Config {
  return {
    client: sqliteClient,
    connection: { filename },
    useNullAsDefault: true,
    pool: {
      // SQLite has one writer; a second connection would only wait for the first.
      min: 0,
      max: 1,
      afterCreate: (connection: Database.Database, done: (error: unknown) => void) => {
        connection.pragma('busy_timeout = 5000')
        connection.pragma('journal_mode = WAL')
        // NORMAL, which is usual with WAL, may lose an acknowledged row with the power.
        connection.pragma('synchronous = FULL')
        done(null)
      },
    },
  }
}

type MysqlLocation = Extract<DatabaseLocation, { dialect: 'mysql' }>

function mysql({ dialect: _, ...server }: MysqlLocation): Knex.Config {
  return {
    client: 'mysql2',
    connection: { ...server, charset: 'utf8mb4', timezone: 'Z', connectTimeout: acquireTimeoutMs },
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: acquireTimeoutMs,
  }
}

/** Makes the database that a MySQL URL names, if the server lacks it. SQLite makes its file by itself. */
export async function createMissingDatabase(location: DatabaseLocation): Promise<void> {
  if (location.dialect === 'sqlite') return
  const named = connect(location)
  try {
    await named.raw('select 1')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ER_BAD_DB_ERROR')) throw error
    const { database, ...server } = location
    const unnamed = connect({ ...server, database: '' })
    await unnamed.raw('create database if not exists ??', [database]).finally(() => unnamed.destroy())
  } finally {
    await named.destroy()
  }
}
