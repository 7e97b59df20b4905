import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import knex from 'knex'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { command, serve, stop } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase, timeOf } from '../../../test/databases.ts'
import { waitUntil } from '../../../test/engines/engine.ts'
import { freePort } from '../../../test/servers.ts'
import { openStore, parseConfig, startCollector } from '../src/index.ts'
import { ThreadedSqliteClient } from '../src/store/database/sqlite/sqliteClient.ts'
import { setWallClock } from './clock.ts'
import { eventOf, origin, postEvent } from './collector.ts'
import { runLapse, writeConfigIn } from './command.ts'
import { startLoad } from './load.ts'
import { insertRows } from './rows.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

const dayMs = 86_400_000
const site = { origins: [origin], idleTimeoutSeconds: 1800 }
const sites = { acme: { ...site, retentionDays: 10 }, short: { ...site, retentionDays: 1 }, kept: site }

describe.each(inject('databaseServers'))('old rows on $name', (server) => {
  let folder: string
  let database: TestDatabase
  const lapse = (...args: string[]) => runLapse(folder, args)
  const config = (changes = {}) => ({ database: database.url, rateLimit: false, sites, ...changes })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase(server)
    writeConfigIn(folder, config())
    await lapse('migrate')
  })
  afterEach(async () => {
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  const writeRows = (count: number, siteName: string, daysAgo: number) =>
    insertRows(
      database.sql,
      Array.from({ length: count }, (_, index) => ({
        site: siteName,
        session: `${daysAgo}-${index}`,
        detected_at: Date.now() - daysAgo * dayMs,
      })),
    )

  const countBySite = async () => {
    const counts: Record<string, number> = {}
    for (const row of await database.rows()) counts[`${row.site}`] = (counts[`${row.site}`] ?? 0) + 1
    return counts
  }

  test('are counted with --dry-run, and deleted for each site by its retentionDays while events are recorded', async () => {
    await writeRows(2300, 'acme', 10.01)
    await writeRows(3, 'acme', 9.99)
    await writeRows(2, 'short', 9.99)
    await writeRows(4, 'kept', 4000)

    const dry = await lapse('purge', '--dry-run')
    expect(dry).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^acme: 2300 rows would be deleted/),
    })
    expect(await countBySite()).toEqual({ acme: 2303, short: 2, kept: 4 })
    expect((await lapse('purge', '--site', 'short')).stdout).toMatch(/^short: 2 rows deleted/)
    expect(await countBySite()).toEqual({ acme: 2303, kept: 4 })

    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const collector = await serve(writeConfigIn(folder, config({ listen: { port } })), url)
    const load = startLoad(url, 4)
    const purged = await lapse('purge')
    await load.acknowledged(5_000)
    await load.stop()
    await stop(collector)
    expect(purged).toMatchObject({ status: 0, stderr: '' })
    expect(purged.stdout).toMatch(/^acme: 2300 rows deleted .*\nshort: 0 rows deleted .*\n$/)
    expect(load.answers.filter(({ status }) => status !== 201)).toEqual([])
    expect(await countBySite()).toEqual({ acme: 3 + load.answers.length, kept: 4 })
  })

  test('are counted from their receipt: a user who dates a report 500 days back does not have it deleted', async () => {
    const collector = await startCollector(
      parseConfig(config({ listen: { port: 0 } })),
      pino({ level: 'silent' }),
    )
    const longAgo = Date.now() - 500 * dayMs
    const future = Date.UTC(9999, 0)
    const reports = [
      { startedAt: longAgo, lastAccessAt: longAgo, detectedAt: longAgo },
      { startedAt: future, lastAccessAt: future, detectedAt: future + 3_600_000, sentAt: future + 3_600_000 },
    ]
    for (const times of reports)
      expect((await postEvent(collector.url, eventOf(times), { Origin: origin })).status).toBe(201)
    await collector.close()
    await writeRows(1, 'acme', 10.01)
    await insertRows(database.sql, [
      // From before the upgrade.
      { session: 'future', detected_at: future, received_at: stored(Date.now() - 11 * dayMs) },
    ])
    expect((await lapse('purge')).stdout).toMatch(/^acme: 2 rows deleted/)
    const rows = await database.rows()
    expect(rows.map(({ reason }) => reason)).toEqual(['clock_anomaly', 'idle_timeout'])
    for (const { received_at: received, ...row } of rows) {
      const receivedAt = timeOf(received)
      for (const at of [row.started_at, row.last_access_at, row.detected_at].map(timeOf)) {
        expect(at).toBeLessThanOrEqual(receivedAt)
        expect(at).toBeGreaterThanOrEqual(receivedAt - 400 * dayMs)
      }
    }
  })

  const stored = (at: number) => (server.url === undefined ? new Date(at).toISOString() : new Date(at))

  test('that the database refuses to delete keep no others, and no other site, from being deleted', async () => {
    await writeRows(700, 'acme', 11)
    await writeRows(3, 'short', 2)
    const { sql } = database
    const text = server.url === undefined ? 'text' : 'varchar(40)'
    await sql.raw(`create table holds (id integer primary key, session ${text})`)
    await sql('holds').insert({ id: 1, session: '11-5' })
    await sql.raw(
      server.url === undefined
        ? `create trigger keep before delete on session_audit when exists (select 1 from holds where session = old.session_key) begin select raise(abort, 'on hold'); end`
        : `create trigger keep before delete on session_audit for each row begin if exists (select 1 from holds where session = old.session_key) then signal sqlstate '45000' set message_text = 'on hold'; end if; end`,
    )
    const { status, stdout, stderr } = await lapse('purge')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^acme: 699 rows deleted .*\nshort: 3 rows deleted .*\n$/)
    expect(stderr).toMatch(/acme: the database refused to delete 1 rows, .* with the id \d+: on hold/)
    expect((await database.rows()).map((row) => row.session_key)).toEqual(['11-5'])

    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    await writeRows(2, 'short', 3)
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const collector = await startCollector(
      parseConfig(config({ listen: { port: 0 }, purge: { dailyAt } })),
      log,
    )
    await waitUntil(async () => logLines.some((line) => /could be deleted/.test(line)), 'the daily purge')
    await collector.close()
    expect(logLines.map((line) => JSON.parse(line)).filter(({ level }) => level > 30)).toMatchObject([
      { level: 50, site: 'acme', deleted: 2 },
    ])
    expect(await countBySite()).toEqual({ acme: 1 })
  })

  test('that the database refuses to delete are skipped, however many of the oldest they are', async () => {
    await writeRows(650, 'acme', 12)
    await writeRows(20, 'acme', 11)
    const condition = `old.session_key like '12-%'`
    await database.sql.raw(
      server.url === undefined
        ? `create trigger keep before delete on session_audit when ${condition} begin select raise(abort, 'on hold'); end`
        : `create trigger keep before delete on session_audit for each row begin if ${condition} then signal sqlstate '45000' set message_text = 'on hold'; end if; end`,
    )
    const { status, stdout, stderr } = await lapse('purge')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^acme: 20 rows deleted/)
    expect(stderr).toMatch(/acme: the database refused to delete 650 rows, .* with the id \d+: on hold/)
    expect(stderr.length).toBeLessThan(500)
    expect(await countBySite()).toEqual({ acme: 650 })
  })

  test('are all kept when the host forbids any deletion: the purge says so and ends', async () => {
    await writeRows(700, 'acme', 11)
    await database.sql.raw(
      server.url === undefined
        ? `create trigger keep before delete on session_audit begin select raise(abort, 'append-only'); end`
        : `create trigger keep before delete on session_audit for each row signal sqlstate '45000' set message_text = 'append-only'`,
    )
    const { status, stderr } = await lapse('purge')
    expect(status).toBe(1)
    expect(stderr).toMatch(/refused to delete 700 rows, .*: append-only/)
    expect(await countBySite()).toEqual({ acme: 700 })
  })

  test('are kept while the clock of this machine is ahead, unless --force says that it is right', async () => {
    await writeRows(3, 'acme', 5)
    for (const args of [['purge'], ['purge', '--dry-run']]) {
      const { status, stdout, stderr } = await runLapse(folder, args, clockAheadBy(60))
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^lapse: This machine's clock says .*, but .* says|was received at/)
      expect(stderr).toMatch('Set the clock, or if it is right, run: lapse purge --force')
    }
    expect(await countBySite()).toEqual({ acme: 3 })
    expect((await runLapse(folder, ['purge'], clockAheadBy(0.5))).stdout).toMatch(/^acme: 0 rows deleted/)
    const forced = await runLapse(folder, ['purge', '--force'], clockAheadBy(60))
    expect(forced.stdout).toMatch(/^acme: 3 rows deleted/)
  })

  test('are kept by lapse serve while the clock of this machine is ahead, and the log says so', async () => {
    await writeRows(3, 'acme', 5)
    setWallClock(60 * dayMs)
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const collector = await startCollector(
      parseConfig(config({ listen: { port: 0 }, purge: { dailyAt } })),
      log,
    )
    await waitUntil(async () => logLines.some((line) => /kept no longer/.test(line)), 'the daily purge')
    await collector.close()
    expect(logLines.find((line) => /kept no longer/.test(line))).toMatch(
      /"level":50.*This machine's clock says/,
    )
    expect(await countBySite()).toEqual({ acme: 3 })
  })

  test('are deleted by lapse serve at its time of day, by one of its replicas', async () => {
    await writeRows(1200, 'acme', 11)
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const replica = parseConfig(config({ listen: { port: 0 }, purge: { dailyAt } }))
    // Embedded SQLite is one collector's: two in one process would each keep the other from giving up its lock.
    const replicas = [await startCollector(replica, log)]
    if (server.url !== undefined) replicas.push(await startCollector(replica, log))
    const outcomes = () =>
      logLines.map((line) => JSON.parse(line)).filter(({ msg }) => /rows that are kept no longer/.test(msg))
    await waitUntil(async () => outcomes().length >= replicas.length, 'each replica')
    for (const collector of replicas) await collector.close()
    expect(outcomes().reduce((sum, { deleted = 0 }) => sum + deleted, 0)).toBe(1200)
    expect(outcomes().every(({ level }) => level === 30)).toBe(true)
    expect(await countBySite()).toEqual({})
  })
})

/** Sets the clock of a command that is started. */
function clockAheadBy(days: number) {
  const script = `const Real = Date, ahead = ${days * dayMs};
    globalThis.Date = class extends Real {
      constructor(...given) { given.length ? super(...given) : super(Real.now() + ahead) }
      static now() { return Real.now() + ahead }
    }`
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` }
}

describe('lapse purge', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('says so when nothing ever expires, and when there is no such site', async () => {
    writeConfigIn(folder, { sites: { kept: site } })
    for (const [args, words] of [
      [['purge'], 'No site has retentionDays'],
      [['purge', '--site', 'kept'], 'The site "kept" has no retentionDays'],
      [['purge', '--site', 'other'], 'no site "other"'],
    ] as const)
      expect(await runLapse(folder, args)).toMatchObject({ status: 1, stderr: expect.stringMatching(words) })
  })

  test('refuses a time of day that is none', async () => {
    writeConfigIn(folder, { purge: { dailyAt: '25:00' }, sites })
    expect((await runLapse(folder, ['serve'])).stderr).toMatch('purge.dailyAt: write a time of day in UTC')
  })

  test('draws a progress bar on a terminal', async () => {
    writeConfigIn(folder, { sites })
    await runLapse(folder, ['migrate'])
    const purge = `${process.execPath} ${command} purge`
    const shown = execFileSync('/usr/bin/script', ['-qec', purge, '/dev/null'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(shown).toMatch('of 0 rows')
    expect(shown).toMatch(/acme: 0 rows deleted/)
  })

  test('is refused as well when reports have arrived by the wrong clock: their senders say that it is ahead', async () => {
    writeConfigIn(folder, { sites })
    await runLapse(folder, ['migrate'])
    const store = openStore({ dialect: 'sqlite', path: join(folder, 'lapse.sqlite') }, 'session_audit')
    const sql = knex({
      client: ThreadedSqliteClient,
      connection: { filename: join(folder, 'lapse.sqlite') },
      useNullAsDefault: true,
    })
    const now = Date.now()
    const skews = (clockSkews: readonly number[]) =>
      clockSkews.map((skew, index) => ({
        session: `${index}`,
        detected_at: now - 3_600_000,
        clock_skew_ms: skew,
      }))
    const verdictOn = async (clockSkews: readonly number[]) => {
      await sql('session_audit').delete()
      await insertRows(sql, skews(clockSkews))
      return store.retention.assertClockIsPlausible(new Date(now)).then(
        () => 'plausible',
        (error: Error) => error.message,
      )
    }
    try {
      expect(await verdictOn([])).toBe('plausible')
      expect(await verdictOn([365 * dayMs, 365 * dayMs + 900, 0, 0, 0])).toMatch('it is 365 days ahead')
      expect(await verdictOn([365 * dayMs, 200, -900])).toBe('plausible')
      expect(await verdictOn([0, 0])).toBe('plausible')
    } finally {
      await sql.destroy()
      await store.close()
    }
  })
})
