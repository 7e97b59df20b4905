import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Knex } from 'knex'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { lapsePath, startLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import {
  type DatabaseServer,
  findFreePort,
  type RunningServer,
  type ServerKind,
  serverKinds,
} from '../../../../test/servers.ts'
import { createReport, origin, postReport } from '../support/collector.ts'
import { writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

/** These tests stop the servers, so they start their own. */
const databases: readonly (Pick<ServerKind, 'name'> & Partial<ServerKind>)[] = [
  { name: 'SQLite' },
  ...serverKinds,
]

describe.each(databases)('A termination signal, with $name,', ({ start }) => {
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
    const port = await findFreePort()
    url = `http://127.0.0.1:${port}`
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    configFile = writeConfigIn(folder, { database: database.url, listen: { port }, sites })
    await promisify(execFile)(process.execPath, [lapsePath, 'migrate', '--config', configFile])
  })
  afterEach(async () => {
    collector?.kill('SIGKILL')
    await database.drop()
  })

  /** Starts a collector whose rollup waits for a lock until the transaction ends. */
  async function startWithStuckJob(): Promise<Knex.Transaction> {
    await insertRows(database.sql, [{ session: 's_1', detected_at: Date.now() - 10 * 60_000 }])
    const transaction = await database.sql.transaction()
    await transaction('session_audit_rollup_progress').update({ up_to_id: 0 })
    collector = await startLapseServe(configFile, url)
    const findWaitingTransactions = () =>
      database.sql('information_schema.innodb_trx').where({ trx_state: 'LOCK WAIT' }).pluck('trx_id')
    // MySQL refreshes this table only if it was not read within the last 100 ms.
    await expect.poll(findWaitingTransactions, { interval: 250 }).toHaveLength(1)
    return transaction
  }

  /** Sends signals one after the other, and measures how long after the last one the process exits. */
  async function sendSignals(...signals: readonly NodeJS.Signals[]) {
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

  // Not with SQLite: the collector migrates it at the start, which waits for the lock too.
  test.runIf(start)('stops the process in time while a job waits for a lock', async () => {
    const transaction = await startWithStuckJob()
    const { status, durationMs } = await sendSignals('SIGTERM')
    await transaction.rollback()
    expect(status).toBe(0)
    expect(durationMs).toBeLessThan(12_000)
  })

  test.runIf(start)('stops the process immediately if it is the second one', async () => {
    for (const [second, expected] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
      ['SIGHUP', 129],
    ] as const) {
      const transaction = await startWithStuckJob()
      const { status, durationMs } = await sendSignals('SIGTERM', second)
      await transaction.rollback()
      await database.sql('session_audit').delete()
      expect(status, second).toBe(expected)
      expect(durationMs).toBeLessThan(3_000)
    }
  })

  /** Stops the database from responding. Returns a function that lets it respond again. */
  async function suspendDatabase(): Promise<() => unknown> {
    if (running) {
      await running.signal('SIGSTOP')
      return () => running?.signal('SIGCONT')
    }
    const transaction = await database.sql.transaction()
    await transaction('session_audit_rollup_progress').update({ up_to_id: 0 })
    return () => transaction.rollback()
  }

  test('stops the process in time while the database hangs', async () => {
    collector = await startLapseServe(configFile, url)
    expect((await postReport(url, createReport(), { Origin: origin })).status).toBe(201)
    const resume = await suspendDatabase()
    try {
      const unanswered = postReport(url, createReport(), { Origin: origin })
      await sleep(200)
      const { status, durationMs } = await sendSignals('SIGTERM')
      expect((await unanswered).status).toBe(503)
      expect(status).toBe(0)
      expect(durationMs).toBeLessThan(12_000)
    } finally {
      await resume()
    }
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'lets the collector answer accepted requests: %s',
    async (signal) => {
      collector = await startLapseServe(configFile, url)
      const inParallel = <T>(request: () => Promise<T>) => Array.from({ length: 50 }, request)
      // The collector refuses connections that it has not accepted yet, so they are opened first.
      await Promise.all(inParallel(async () => (await fetch(`${url}/healthz`)).text()))
      const posted = inParallel(() => postReport(url, createReport(), { Origin: origin }))
      await Promise.race(posted)
      const ended = sendSignals(signal)
      for (const { status } of await Promise.all(posted)) expect(status).toBe(201)
      expect(await ended).toMatchObject({ status: 0 })
    },
  )
})
