import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../../test/databases.ts'
import { migrations } from '../../src/store/database/schema/migrationList.ts'
import { insertRows } from '../support/rows.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)
const doublings = 14
const tableName = { schema: undefined, table: 'session_audit' }

describe.each(mysqlServers)('The migration to revisions on $name', (server) => {
  test('Sessions that end during the migration are recorded, and every row becomes revision 1', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    for (const [name, up] of migrations) if (name < '0009') await up(database.sql, tableName)
    await insertRows(database.sql, [
      { session: 'first', detected_at: Date.now() },
      { session: 'second', detected_at: Date.now() },
    ])
    for (let times = 0; times < doublings; times++) await doubleRows(database.sql)

    const writer = startWriting(database.sql)
    const startedAt = performance.now()
    await migrations.get('0009_revisions')?.(database.sql, tableName)
    const migrationMs = performance.now() - startedAt
    const { written, longestMs } = await writer.stop()

    expect(written).toBeGreaterThan(5)
    expect(longestMs).toBeLessThan(migrationMs / 2)
    const rows = await database
      .sql('session_audit')
      .select('revision', 'supersedes')
      .count('* as count')
      .groupBy('revision', 'supersedes')
    expect(rows).toEqual([{ revision: 1, supersedes: null, count: 2 ** (doublings + 1) + written }])
  })
})

/** Inserts a copy of each row, with another key. */
async function doubleRows(sql: Knex): Promise<void> {
  const columns = Object.keys(await sql('session_audit').columnInfo()).filter(
    (column) => column !== 'id' && column !== 'session_key',
  )
  await sql.raw(
    `insert into session_audit (session_key, ${columns.join()}) select uuid(), ${columns.join()} from session_audit`,
  )
}

/** Inserts one row after the other until it is stopped, as an older collector does. */
function startWriting(sql: Knex) {
  let isStopped = false
  let written = 0
  let longestMs = 0
  const running = (async () => {
    while (!isStopped) {
      const startedAt = performance.now()
      await insertRows(sql, [{ session: `during-${written}`, detected_at: Date.now() }])
      longestMs = Math.max(longestMs, performance.now() - startedAt)
      written += 1
      await sleep(5)
    }
  })()
  return {
    async stop() {
      isStopped = true
      await running
      return { written, longestMs }
    },
  }
}
