import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { matchFlag } from '../../src/store/audit/flagConditions.ts'
import { createPools } from '../../src/store/database/connectionPools.ts'
import { isTimeout, limitTime, type QueryOptions } from '../../src/store/database/limitTime.ts'
import { countRows } from '../../src/store/rollup/rowCounts.ts'
import { createCollector, createConfig, environment, type InProcessCollector } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const timeLimitMs = 200

describe.each(inject('databaseServers'))('A time limit on $name', (server) => {
  let collector: InProcessCollector
  let pools: ReturnType<typeof createPools>
  beforeAll(async () => {
    collector = await createCollector(server)
    pools = createPools(parseConfig(createConfig(collector.database.url), environment).database)
    const rows = Array.from({ length: 1_100 }, () => ({ session: randomUUID(), detected_at: Date.now() }))
    await insertRows(collector.database.sql, rows)
  })
  afterAll(async () => {
    await Promise.all(Object.values(pools).map((pool) => pool.destroy()))
    await collector.end()
  })

  /** Counts a billion rows. */
  function countForever(database: Knex): Knex.QueryBuilder {
    const join = server.url === undefined ? 'cross join' : 'straight_join'
    const source = `session_audit as b ${join} session_audit as c ${join} session_audit as a`
    return limitTime(database.from(database.raw(source)), database, timeLimitMs)
      .whereRaw('a.elapsed_ms + b.elapsed_ms + c.elapsed_ms > 0')
      .count({ count: '*' })
  }

  test('stops the statement, and leaves the connection and its transaction usable', async () => {
    const pool = pools.summaries
    await pool.transaction(async (transaction) => {
      const startedAt = performance.now()
      const error = await countForever(transaction).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(isTimeout(error), String(error)).toBe(true)
      expect(performance.now() - startedAt).toBeLessThan(10_000)
      // A thread that was still counting would not answer, and neither would the server on this connection.
      const answer = await transaction('session_audit').count({ count: '*' }).first()
      expect(Number(answer?.count)).toBe(1_100)
    })
    if (server.url === undefined) return
    const [running] = await collector.database.sql.raw('show full processlist')
    expect(running.filter(({ Info }: { Info: string | null }) => Info?.includes('elapsed_ms + '))).toEqual([])
  })

  // Servers take a limit of 0 for none, and stop statements themselves.
  describe.skipIf(server.url !== undefined)('that has passed', () => {
    const expired = { timeLimitMs: 0 } satisfies QueryOptions

    test('stops the search for bursts, even if the statement is about a single row', async () => {
      const database = pools.summaries
      const { sql, values } = matchFlag('burst', { database, tableName: 'session_audit', alias: 'a' }, {})
      const query = limitTime(database({ a: 'session_audit' }), database, 0)
        .where('a.id', 1)
        .whereRaw(sql, [...values])
        .count({ count: '*' })
      await expect(query).rejects.toMatchObject({ code: 'SQLITE_INTERRUPT' })
    })

    test('stops the counts of a summary', async () => {
      const selection = { selectRows: (query: Knex.QueryBuilder) => void query.options(expired) }
      const counting = countRows(pools.summaries, 'session_audit', ['hour'], selection)
      await expect(counting).rejects.toMatchObject({ code: 'SQLITE_INTERRUPT' })
    })
  })
})
