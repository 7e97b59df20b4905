import { pino } from 'pino'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createDatabase, readStoredTime } from '../../../../test/databases.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import { createActivity, minute } from '../support/sessionCollector.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)
const shiftMs = 60 * minute
const silent = pino({ level: 'silent' })

describe.each(mysqlServers)('A collector that starts, on $name,', (server) => {
  async function prepareDatabase() {
    const database = await createDatabase(server)
    onTestFinished(() => database.drop())
    const config = parseConfig(createConfig(database.url), environment)
    const store = openStore(config.database, config.table)
    await store.schema.migrate()
    await store.close()
    return { database, config }
  }

  test('stores the first reports with the times of the database, even if its own clock is wrong', async () => {
    const now = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => now() + shiftMs)
    onTestFinished(() => void vi.restoreAllMocks())
    const { database, config } = await prepareDatabase()
    // The marks wait for this lock. They would read the clock too, but later.
    const lock = await database.sql.transaction()
    await lock('session_disturbance').forUpdate()
    const collector = await startCollector(config, silent)
    onTestFinished(() => collector.close())
    const response = await fetch(`${collector.url}/v1/activity`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', Origin: origin },
      body: JSON.stringify(createActivity({ lastAccessAt: now(), sentAt: now(), startedAt: now() })),
    })
    await lock.rollback()
    expect(response.status).toBe(204)
    const live = await database.sql('session_live').first()
    expect(Math.abs(readStoredTime(live.last_access_at) - now())).toBeLessThan(20_000)
  })

  test('does not mark itself as running if it cannot listen', async () => {
    const { database, config } = await prepareDatabase()
    const first = await startCollector(config, silent)
    onTestFinished(() => first.close())
    const port = Number(new URL(first.url).port)
    const other = await prepareDatabase()
    const blocked = { ...other.config, listen: { ...other.config.listen, port } }
    await expect(startCollector(blocked, silent)).rejects.toThrow()
    expect(await other.database.sql('session_collector')).toEqual([])
    await vi.waitFor(async () => expect(await database.sql('session_collector')).toHaveLength(1), 5_000)
  })
})
