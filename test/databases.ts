import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import knex, { type Knex } from 'knex'
import { isSqlite } from '../packages/collector/src/store/database/isSqlite.ts'
import { ThreadedSqliteClient } from '../packages/collector/src/store/database/sqlite/sqliteClient.ts'
import type { DatabaseServer } from './servers.ts'

/** A database for one test. */
export interface TestDatabase {
  readonly url: string
  /** Reads the audit table as it is stored, oldest row first. */
  readRows(table?: string): Promise<Record<string, unknown>[]>
  readonly sql: Knex
  /** Deletes the database. */
  drop(): Promise<void>
}

/** @param parent the folder for the file of a SQLite database. */
export async function createDatabase(server: DatabaseServer, parent = tmpdir()): Promise<TestDatabase> {
  return server.url === undefined ? createSqlite(parent) : createMysql(server.url)
}

function createSqlite(parent: string): TestDatabase {
  const folder = mkdtempSync(join(parent, 'lapse-test-'))
  const filename = join(folder, 'lapse.sqlite')
  writeFileSync(filename, '')
  // In a worker thread. Otherwise, waiting for a lock would also block the collector's jobs in this thread.
  const sql = knex({
    client: ThreadedSqliteClient,
    connection: { filename },
    useNullAsDefault: true,
    pool: { min: 0, max: 1 },
  })
  return {
    url: `sqlite:${filename}`,
    sql,
    readRows: (table = 'session_audit') => sql(table).orderBy('id'),
    async drop() {
      await sql.destroy()
      rmSync(folder, { recursive: true })
    },
  }
}

async function createMysql(server: string): Promise<TestDatabase> {
  const name = `lapse_test_${randomBytes(6).toString('hex')}`
  const admin = knex({ client: 'mysql2', connection: server })
  await admin.raw('create database ??', [name])
  await admin.destroy()
  const { hostname: host, port, username: user, password } = new URL(server)
  const sql = knex({
    client: 'mysql2',
    connection: { host, port: Number(port), user, password, database: name, timezone: 'Z' },
  })
  return {
    url: `${server}/${name}`,
    sql,
    readRows: (table = 'session_audit') => sql(table).orderBy('id'),
    async drop() {
      await sql.raw('drop database ??', [name])
      await sql.destroy()
    },
  }
}

/** Converts epoch milliseconds to a time as the database stores it. */
export function toStoredTime(sql: Knex, at: number): Date | string {
  return isSqlite(sql) ? new Date(at).toISOString() : new Date(at)
}

/** Converts a stored time to epoch milliseconds. SQLite stores ISO 8601 text, MySQL an instant. */
export function readStoredTime(stored: unknown): number {
  return stored instanceof Date ? stored.getTime() : Date.parse(String(stored))
}
