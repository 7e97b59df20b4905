import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { lapsePath, startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import { writeConfigIn } from '../support/command.ts'
import { createLiveRow, type LiveRowChanges } from '../support/liveRows.ts'

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
const sweep = { everySeconds: 1 }

describe.each(inject('databaseServers'))('Sweepers on $name', (server) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createDatabase(server)
    const config = parseConfig(createConfig(database.url), environment)
    const store = openStore(config.database, config.table)
    await store.schema.migrate()
    await store.close()
  })
  afterEach(() => database.drop())

  const insertLive = async (count: number, changes: LiveRowChanges = {}) => {
    const rows = Array.from({ length: count }, () => createLiveRow(database.sql, changes))
    await database.sql.batchInsert('session_live', rows, 100)
    return rows
  }
  const countLive = async () => Number((await database.sql('session_live').count({ count: '*' }))[0]?.count)
  const countRows = async () => Number((await database.sql('session_audit').count({ count: '*' }))[0]?.count)

  async function startReplica() {
    const logLines: string[] = []
    const config = parseConfig(createConfig(database.url, { sites, sweep }), environment)
    const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) })
    const replica = await startCollector(config, log)
    onTestFinished(() => replica.close())
    return { ...replica, logLines }
  }

  async function countFailedSweeps(url: string): Promise<number> {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    return Number(/^lapse_sweep_duration_seconds_count\{outcome="failed"\} (\d+)/m.exec(metrics)?.[1] ?? 0)
  }

  /** Every session has one row, and no live session is left. */
  async function expectEachOnce(sessions: readonly Record<string, unknown>[]) {
    await vi.waitFor(async () => expect(await countLive()).toBe(0), { timeout: 50_000, interval: 200 })
    const rows = await database.sql('session_audit').select('session_key', 'revision', 'detected_by')
    const keys = rows.map((row) => row.session_key).sort()
    expect(keys).toEqual(sessions.map((session) => session.session_key).sort())
    expect(rows.every((row) => row.revision === 1 && row.detected_by === 'sweep')).toBe(true)
  }

  test('in three replicas share the work without a leader: each session has one row', async () => {
    const sessions = await insertLive(6000)
    const replicas = await Promise.all([startReplica(), startReplica(), startReplica()])
    await expectEachOnce(sessions)
    const readLogs = () => replicas.flatMap(({ logLines }) => logLines.map((line) => JSON.parse(line)))
    // A sweep writes its line after its rows.
    await expect.poll(() => readLogs().reduce((total, { recorded = 0 }) => total + recorded, 0)).toBe(6000)
    // Three collectors that write to one SQLite file can mark themselves late, and then warn.
    expect(readLogs().filter(({ level }) => level >= 50)).toEqual([])
  })

  test('that cannot mark themselves fail, record nothing, and record the timeouts afterwards', async () => {
    const { logLines, url } = await startReplica()
    await database.sql.raw(
      server.url === undefined
        ? "create trigger refuse before update on session_collector begin select raise(abort, 'no mark'); end"
        : "create trigger refuse before update on session_collector for each row signal sqlstate '45000' set message_text = 'no mark'",
    )
    const readMessages = () => logLines.map((line) => JSON.parse(line).msg)
    await vi.waitFor(
      () => expect(readMessages()).toContainEqual(expect.stringMatching('could not be marked as running')),
      10_000,
    )
    // The last mark is now too old.
    await sleep(3_500)
    const sessions = await insertLive(1, { wait_ms: 0 })
    const failed = await countFailedSweeps(url)
    await vi.waitFor(async () => expect(await countFailedSweeps(url)).toBeGreaterThan(failed + 1), 10_000)
    expect(await countRows()).toBe(0)
    await database.sql.raw('drop trigger refuse')
    await expectEachOnce(sessions)
    expect(readMessages()).toContain('timeouts are recorded again')
  })

  test('that are killed in the middle of their work lose nothing, and record nothing twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const port = await findFreePort()
    const configFile = writeConfigIn(folder, { database: database.url, listen: { port }, sites, sweep })
    await promisify(execFile)(process.execPath, [lapsePath, 'migrate', '--config', configFile])
    // Enough work for a second or more.
    const count = server.url === undefined ? 8_000 : 20_000
    const sessions = await insertLive(count, { heartbeat_seconds: 300, wait_ms: 500 })
    const start = () => startLapseServe(configFile, `http://127.0.0.1:${port}`)
    let collector: ChildProcess | undefined
    onTestFinished(async () => {
      await stopLapseServe(collector)
      rmSync(folder, { recursive: true })
    })
    for (let kills = 0; kills < 3; kills++) {
      const before = await countRows()
      collector = await start()
      await waitUntil(async () => (await countRows()) > before, 'the first timeouts')
      const exited = once(collector, 'exit')
      collector.kill('SIGKILL')
      await exited
    }
    expect(await countLive()).toBeGreaterThan(0)
    expect((await countLive()) + (await countRows())).toBe(count)
    collector = await start()
    await expectEachOnce(sessions)
  })

  test('record all other sessions when a trigger of the application refuses some', async () => {
    await database.sql.raw(
      server.url === undefined
        ? `create trigger refuse before insert on session_audit when new.subject = 'u_refused'
          begin select raise(abort, 'no u_refused here'); end`
        : `create trigger refuse before insert on session_audit for each row
          begin if new.subject = 'u_refused' then signal sqlstate '45000' set message_text = 'no u_refused here'; end if; end`,
    )
    const refused = await insertLive(3, { subject: 'u_refused' })
    const others = await insertLive(700)
    const { logLines, url } = await startReplica()
    await vi.waitFor(async () => expect(await countLive()).toBe(3), 20_000)
    expect(await countRows()).toBe(700)
    const errors = () => logLines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50)
    await vi.waitFor(() => expect(errors()).toHaveLength(1), 5_000)
    expect(errors()).toMatchObject([
      { refused: 3, msg: 'the database refused timeouts of live sessions: their rows are missing' },
    ])
    expect(logLines.join()).not.toContain('u_refused')
    expect(await countFailedSweeps(url)).toBeGreaterThan(0)
    await database.sql.raw('drop trigger refuse')
    await expectEachOnce([...refused, ...others])
  })

  test.runIf(server.url)('give way to a report that ends a session at the same moment', async () => {
    const [session] = await insertLive(1)
    const { site, session_key, marker, subject } = session ?? {}
    const transaction = await database.sql.transaction()
    const at = new Date()
    await transaction('session_audit').insert({
      ...{ site, session_key, marker, subject, session: session_key },
      ...{ reason: 'revoked', evidence: 'server', detected_by: 'server', clock_skew_ms: 0 },
      ...{ detected_at: at, received_at: at },
    })
    const { logLines } = await startReplica()
    await vi.waitFor(async () => expect(await countWaiting()).toBeGreaterThan(0), {
      timeout: 10_000,
      interval: 100,
    })
    await transaction.commit()
    await vi.waitFor(async () => expect(await countLive()).toBe(0), 20_000)
    expect(await database.readRows()).toMatchObject([{ reason: 'revoked' }])
    expect(logLines.filter((line) => JSON.parse(line).level >= 40)).toEqual([])
  })

  /** Counts the statements that wait for a lock of another transaction. */
  async function countWaiting(): Promise<number> {
    const [rows] = await database.sql.raw(
      "select count(*) as count from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
    )
    return Number(rows[0].count)
  }
})
