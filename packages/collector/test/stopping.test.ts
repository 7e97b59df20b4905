import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Knex } from 'knex'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { command, serve } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../test/databases.ts'
import {
  type DatabaseServer,
  freePort,
  type RunningServer,
  startMariadb,
  startMysql,
} from '../../../test/servers.ts'
import { eventOf, origin, postEvent } from './collector.ts'
import { writeConfigIn } from './command.ts'
import { insertRows } from './rows.ts'

const { LAPSE_MYSQLD } = process.env

/** Servers of these tests' own: they are stopped here. */
const makers: { name: string; start?: (folder: string) => Promise<RunningServer> }[] = [
  { name: 'SQLite' },
  { name: 'MariaDB', start: startMariadb },
]
if (LAPSE_MYSQLD)
  makers.push({ name: 'MySQL', start: (folder) => startMysql(folder, LAPSE_MYSQLD.split(' ')) })

describe.each(makers)('a signal to end, on $name,', ({ start }) => {
  let folder: string
  let running: RunningServer | undefined
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    running = await start?.(join(folder, 'server'))
  })
  afterAll(async () => {
    await running?.end()
    rmSync(folder, { recursive: true })
  })

  let database: TestDatabase
  let collector: ChildProcess | undefined
  let url: string
  let configFile: string
  beforeEach(async () => {
    const server: DatabaseServer = running ?? { name: 'SQLite' }
    database = await createDatabase(server, folder)
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    configFile = writeConfigIn(folder, { database: database.url, listen: { port }, sites })
    await promisify(execFile)(process.execPath, [command, 'migrate', '--config', configFile])
  })
  afterEach(async () => {
    collector?.kill('SIGKILL')
    await database.drop()
  })

  /** Starts a collector whose rollup waits for a lock that is held until the transaction ends. */
  async function startWithStuckJob(): Promise<Knex.Transaction> {
    await insertRows(database.sql, [{ session: 's_1', detected_at: Date.now() - 10 * 60_000 }])
    const transaction = await database.sql.transaction()
    await transaction('session_audit_rollup_state').update({ up_to_id: 0 })
    collector = await serve(configFile, url)
    await sleep(1_000)
    return transaction
  }

  /** Sends signals one after the other, and says how the process ended, and how long after the last one. */
  async function end(...signals: readonly NodeJS.Signals[]) {
    if (!collector) throw new Error('The collector has not been started.')
    const exited = once(collector, 'exit')
    let sentAt = 0
    for (const signal of signals) {
      await sleep(sentAt && 200)
      collector.kill(signal)
      sentAt = performance.now()
    }
    const [status] = await exited
    return { status, durationMs: performance.now() - sentAt }
  }

  // Embedded SQLite is migrated at the start, which waits for the lock too.
  test.runIf(start)('ends the process in time while a job waits for a lock', async () => {
    const transaction = await startWithStuckJob()
    const { status, durationMs } = await end('SIGTERM')
    await transaction.rollback()
    expect(status).toBe(0)
    expect(durationMs).toBeLessThan(12_000)
  })

  test.runIf(start)('ends the process at once when it is the second, whichever it is', async () => {
    for (const [second, expected] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
      ['SIGHUP', 129],
    ] as const) {
      const transaction = await startWithStuckJob()
      const { status, durationMs } = await end('SIGTERM', second)
      await transaction.rollback()
      await database.sql('session_audit').delete()
      expect([second, status]).toEqual([second, expected])
      expect(durationMs).toBeLessThan(3_000)
    }
  })

  /** Makes the database answer nobody, and gives how it answers again. */
  async function hang(): Promise<() => unknown> {
    if (running) {
      await running.signal('SIGSTOP')
      return () => running?.signal('SIGCONT')
    }
    const transaction = await database.sql.transaction()
    await transaction('session_audit_rollup_state').update({ up_to_id: 0 })
    return () => transaction.rollback()
  }

  test('ends the process in time while the database hangs', async () => {
    collector = await serve(configFile, url)
    expect((await postEvent(url, eventOf(), { Origin: origin })).status).toBe(201)
    const goOn = await hang()
    try {
      const unanswered = postEvent(url, eventOf(), { Origin: origin })
      await sleep(200)
      const { status, durationMs } = await end('SIGTERM')
      expect((await unanswered).status).toBe(503)
      expect(status).toBe(0)
      expect(durationMs).toBeLessThan(12_000)
    } finally {
      await goOn()
    }
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'lets the collector answer what it has accepted: %s',
    async (signal) => {
      collector = await serve(configFile, url)
      const inParallel = <T>(request: () => Promise<T>) => Array.from({ length: 50 }, request)
      // The collector refuses connections that it has not accepted yet, so they are opened first.
      await Promise.all(inParallel(async () => (await fetch(`${url}/healthz`)).text()))
      const posted = inParallel(() => postEvent(url, eventOf(), { Origin: origin }))
      await Promise.race(posted)
      const ended = end(signal)
      for (const { status } of await Promise.all(posted)) expect(status).toBe(201)
      expect(await ended).toMatchObject({ status: 0 })
    },
  )
})
