import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import knex, { type Knex } from 'knex'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../../test/databases.ts'
import { ThreadedSqliteClient } from '../../src/store/database/sqlite/sqliteClient.ts'

const statementTimeoutMs = 300

/** Creates a database with a pool of one connection, as the collector uses it, and another process's connection. */
async function createConnections() {
  const { sql, url, drop } = await createDatabase({ name: 'SQLite' })
  const filename = url.slice('sqlite:'.length)
  await sql.raw('create table parent (id integer primary key)')
  await sql.raw('create table child (parent references parent deferrable initially deferred)')
  const pool = knex({
    client: ThreadedSqliteClient,
    connection: { filename },
    useNullAsDefault: true,
    statementTimeoutMs,
    pool: { min: 0, max: 1 },
  } as Knex.Config)
  const other = new Database(filename, { timeout: 0 })
  onTestFinished(async () => {
    other.close()
    await pool.destroy()
    await drop()
  })
  const canOthersWrite = () => {
    try {
      other.exec('begin immediate; rollback')
      return true
    } catch {
      return false
    }
  }
  return { pool, other, canOthersWrite }
}

describe('A transaction on SQLite does not keep the lock', () => {
  test('if it begins after its caller has stopped waiting', async () => {
    const { pool, other, canOthersWrite } = await createConnections()
    other.exec('begin immediate')
    const insert = () => pool.transaction((transaction) => transaction('parent').insert({ id: 1 }))
    await expect(insert()).rejects.toThrow('The database has not answered within 300 ms.')
    other.exec('rollback')
    // Meanwhile the thread notices that the lock is free, and the transaction begins.
    await sleep(500)
    await expect.poll(canOthersWrite).toBe(true)
    await insert()
    expect(await pool('parent')).toEqual([{ id: 1 }])
  })

  test('if its commit fails', async () => {
    const { pool, canOthersWrite } = await createConnections()
    await pool.raw('pragma foreign_keys = on')
    const insert = (parent: number) =>
      pool.transaction((transaction) => transaction('child').insert({ parent }))
    await expect(insert(1)).rejects.toThrow('FOREIGN KEY constraint failed')
    await expect.poll(canOthersWrite).toBe(true)
    await pool('parent').insert({ id: 1 })
    await insert(1)
    expect(await pool('child')).toEqual([{ parent: 1 }])
  })
})
