import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createDatabase, readStoredTime } from '../../../../test/databases.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import { createActivity, minute } from '../support/sessionCollector.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)
const shiftMs = 60 * minute
const silent = pino({ level: 'silent' })

describe.each(mysqlServers)('A collector that starts with a wrong clock, on $name,', (server) => {
  /** Starts a collector whose first mark waits for a lock. */
  async function startBehindLock() {
    const database = await createDatabase(server)
    onTestFinished(() => database.drop())
    const config = parseConfig(createConfig(database.url), environment)
    const store = openStore(config.database, config.table)
    await store.schema.migrate()
    await store.close()
    const lock = await database.sql.transaction()
    onTestFinished(async () => void (await lock.rollback()))
    await lock('session_disturbance').forUpdate()
    const starting = startCollector(config, silent)
    onTestFinished(async () => (await starting).close())
    return { database, lock, starting }
  }

  test('stores the first reports with the times of the database', async () => {
    const now = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => now() + shiftMs)
    onTestFinished(() => void vi.restoreAllMocks())
    const { database, lock, starting } = await startBehindLock()
    const activity = createActivity({ lastAccessAt: now(), sentAt: now(), startedAt: now() })
    const reporting = starting.then(({ url }) =>
      fetch(`${url}/v1/activity`, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain', Origin: origin },
        body: JSON.stringify(activity),
      }),
    )
    await sleep(500)
    await lock.rollback()
    expect((await reporting).status).toBe(204)
    const live = await database.sql('session_live').first()
    expect(Math.abs(readStoredTime(live.last_access_at) - now())).toBeLessThan(20_000)
  })

  test('waits only briefly for the clock of the database', async () => {
    const { lock, starting } = await startBehindLock()
    const startedAt = performance.now()
    const { url } = await starting
    expect(performance.now() - startedAt).toBeLessThan(4_500)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await lock.rollback()
  })
})
