import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { lapsePath, startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import {
  createDatabase,
  readStoredTime,
  type TestDatabase,
  toStoredTime,
} from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { setWallClock } from '../support/clock.ts'
import { createReport, origin, postReport } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { startLoad } from '../support/load.ts'
import { insertRows } from '../support/rows.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

const dayMs = 86_400_000
const site = { origins: [origin], idleTimeoutSeconds: 1800 }
const sites = { acme: { ...site, retentionDays: 10 }, short: { ...site, retentionDays: 1 }, kept: site }

describe.each(inject('databaseServers'))('A purge on $name', (server) => {
  let folder: string
  let database: TestDatabase
  const runLapse = (...args: string[]) => runLapseIn(folder, args)
  const createPurgeConfig = (changes = {}) => ({
    database: database.url,
    rateLimit: false,
    sites,
    ...changes,
  })
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase(server)
    writeConfigIn(folder, createPurgeConfig())
    await runLapse('migrate')
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

  /** Creates a trigger that refuses to delete rows. */
  const refuseDeletion = (condition: string, message: string) =>
    database.sql.raw(
      server.url === undefined
        ? `create trigger keep before delete on session_audit when ${condition} begin select raise(abort, '${message}'); end`
        : `create trigger keep before delete on session_audit for each row begin if ${condition} then signal sqlstate '45000' set message_text = '${message}'; end if; end`,
    )

  const countBySite = async () => {
    const counts: Record<string, number> = {}
    for (const row of await database.readRows()) counts[`${row.site}`] = (counts[`${row.site}`] ?? 0) + 1
    return counts
  }

  test('Expired rows are counted with --dry-run, and deleted by the retentionDays of their site while reports arrive', async () => {
    await writeRows(2300, 'acme', 10.01)
    await writeRows(3, 'acme', 9.99)
    await writeRows(2, 'short', 9.99)
    await writeRows(4, 'kept', 4000)

    const dry = await runLapse('purge', '--dry-run')
    expect(dry).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^acme: 2300 rows would be deleted/),
    })
    expect(await countBySite()).toEqual({ acme: 2303, short: 2, kept: 4 })
    expect((await runLapse('purge', '--site', 'short')).stdout).toMatch(/^short: 2 rows deleted/)
    expect(await countBySite()).toEqual({ acme: 2303, kept: 4 })

    const port = await findFreePort()
    const url = `http://127.0.0.1:${port}`
    const collector = await startLapseServe(
      writeConfigIn(folder, createPurgeConfig({ listen: { port } })),
      url,
    )
    const load = startLoad(url, 4)
    const purged = await runLapse('purge')
    await load.waitForAcknowledgement(5_000)
    await load.stop()
    await stopLapseServe(collector)
    expect(purged).toMatchObject({ status: 0, stderr: '' })
    expect(purged.stdout).toMatch(/^acme: 2300 rows deleted .*\nshort: 0 rows deleted .*\n$/)
    expect(load.answers.filter(({ status }) => status !== 201)).toEqual([])
    expect(await countBySite()).toEqual({ acme: 3 + load.answers.length, kept: 4 })
  })

  test('Retention starts with the receipt of a row: backdating a report by 500 days does not delete it', async () => {
    const collector = await startCollector(
      parseConfig(createPurgeConfig({ listen: { port: 0 } })),
      pino({ level: 'silent' }),
    )
    const longAgo = Date.now() - 500 * dayMs
    const future = Date.UTC(9999, 0)
    const reports = [
      { startedAt: longAgo, lastAccessAt: longAgo, detectedAt: longAgo },
      { startedAt: future, lastAccessAt: future, detectedAt: future + 3_600_000, sentAt: future + 3_600_000 },
    ]
    for (const times of reports)
      expect((await postReport(collector.url, createReport(times), { Origin: origin })).status).toBe(201)
    await collector.close()
    await writeRows(1, 'acme', 10.01)
    await insertRows(database.sql, [
      // A row of an earlier version.
      {
        session: 'future',
        detected_at: future,
        received_at: toStoredTime(database.sql, Date.now() - 11 * dayMs),
      },
    ])
    expect((await runLapse('purge')).stdout).toMatch(/^acme: 2 rows deleted/)
    const rows = await database.readRows()
    expect(rows.map(({ reason }) => reason)).toEqual(['clock_anomaly', 'idle_timeout'])
    for (const { received_at: received, ...row } of rows) {
      const receivedAt = readStoredTime(received)
      for (const at of [row.started_at, row.last_access_at, row.detected_at].map(readStoredTime)) {
        expect(at).toBeLessThanOrEqual(receivedAt)
        expect(at).toBeGreaterThanOrEqual(receivedAt - 400 * dayMs)
      }
    }
  })

  test('Rows that the database refuses to delete do not stop the purge of other rows and sites', async () => {
    await writeRows(700, 'acme', 11)
    await writeRows(3, 'short', 2)
    const { sql } = database
    const text = server.url === undefined ? 'text' : 'varchar(40)'
    await sql.raw(`create table holds (id integer primary key, session ${text})`)
    await sql('holds').insert({ id: 1, session: '11-5' })
    await refuseDeletion('exists (select 1 from holds where session = old.session_key)', 'on hold')
    const { status, stdout, stderr } = await runLapse('purge')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^acme: 699 rows deleted .*\nshort: 3 rows deleted .*\n$/)
    expect(stderr).toMatch(/acme: the database refused to delete 1 rows, .* with the id \d+: on hold/)
    expect((await database.readRows()).map((row) => row.session_key)).toEqual(['11-5'])

    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    await writeRows(2, 'short', 3)
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const collector = await startCollector(
      parseConfig(createPurgeConfig({ listen: { port: 0 }, purge: { dailyAt } })),
      log,
    )
    await waitUntil(async () => logLines.some((line) => /could not be deleted/.test(line)), 'the daily purge')
    await collector.close()
    expect(logLines.map((line) => JSON.parse(line)).filter(({ level }) => level > 30)).toMatchObject([
      { level: 50, site: 'acme', deleted: 2 },
    ])
    expect(await countBySite()).toEqual({ acme: 1 })
  })

  test('A purge skips the rows that the database refuses to delete, even if they are many and the oldest', async () => {
    await writeRows(650, 'acme', 12)
    await writeRows(20, 'acme', 11)
    await refuseDeletion(`old.session_key like '12-%'`, 'on hold')
    const { status, stdout, stderr } = await runLapse('purge')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^acme: 20 rows deleted/)
    expect(stderr).toMatch(/acme: the database refused to delete 650 rows, .* with the id \d+: on hold/)
    expect(stderr.length).toBeLessThan(500)
    expect(await countBySite()).toEqual({ acme: 650 })
  })

  test('A purge ends and says so when the database refuses to delete any row', async () => {
    await writeRows(700, 'acme', 11)
    await refuseDeletion('1 = 1', 'append-only')
    const { status, stderr } = await runLapse('purge')
    expect(status).toBe(1)
    expect(stderr).toMatch(/refused to delete 700 rows, .*: append-only/)
    expect(await countBySite()).toEqual({ acme: 700 })
  })

  test('A clock that is ahead stops the purge, unless --force is given', async () => {
    await writeRows(3, 'acme', 5)
    for (const args of [['purge'], ['purge', '--dry-run']]) {
      const { status, stdout, stderr } = await runLapseIn(folder, args, createEnvironmentWithClockAhead(60))
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(/^lapse: This machine's clock says .*, but .* says|was received at/)
      expect(stderr).toMatch('Correct the clock. If it is right, run: lapse purge --force')
    }
    expect(await countBySite()).toEqual({ acme: 3 })
    expect((await runLapseIn(folder, ['purge'], createEnvironmentWithClockAhead(0.5))).stdout).toMatch(
      /^acme: 0 rows deleted/,
    )
    const forced = await runLapseIn(folder, ['purge', '--force'], createEnvironmentWithClockAhead(60))
    expect(forced.stdout).toMatch(/^acme: 3 rows deleted/)
  })

  test('A clock that is ahead stops the daily purge, and the log says so', async () => {
    await writeRows(3, 'acme', 5)
    setWallClock(60 * dayMs)
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const collector = await startCollector(
      parseConfig(createPurgeConfig({ listen: { port: 0 }, purge: { dailyAt } })),
      log,
    )
    await waitUntil(async () => logLines.some((line) => /expired rows/.test(line)), 'the daily purge')
    await collector.close()
    expect(logLines.find((line) => /expired rows/.test(line))).toMatch(
      /"level":50.*This machine's clock says/,
    )
    expect(await countBySite()).toEqual({ acme: 3 })
  })

  test('Only one of several replicas runs the daily purge', async () => {
    await writeRows(1200, 'acme', 11)
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const dailyAt = new Date(Date.now() + 2_000).toISOString().slice(11, 19)
    const replica = parseConfig(createPurgeConfig({ listen: { port: 0 }, purge: { dailyAt } }))
    // Two collectors in one process would block each other on SQLite, which waits for locks on the main thread.
    const replicas = [await startCollector(replica, log)]
    if (server.url !== undefined) replicas.push(await startCollector(replica, log))
    const readOutcomes = () =>
      logLines.map((line) => JSON.parse(line)).filter(({ msg }) => /expired rows/.test(msg))
    await waitUntil(async () => readOutcomes().length >= replicas.length, 'each replica')
    for (const collector of replicas) await collector.close()
    expect(readOutcomes().reduce((sum, { deleted = 0 }) => sum + deleted, 0)).toBe(1200)
    expect(readOutcomes().every(({ level }) => level === 30)).toBe(true)
    expect(await countBySite()).toEqual({})
  })
})

/** Creates environment variables that set a command's clock ahead. */
function createEnvironmentWithClockAhead(days: number) {
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

  test('lapse purge fails if no site has retentionDays, or if the site does not exist', async () => {
    writeConfigIn(folder, { sites: { kept: site } })
    for (const [args, words] of [
      [['purge'], 'No site has retentionDays'],
      [['purge', '--site', 'kept'], 'Site "kept" has no retentionDays'],
      [['purge', '--site', 'other'], 'no site "other"'],
    ] as const)
      expect(await runLapseIn(folder, args)).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(words),
      })
  })

  test('An invalid time of day is refused', async () => {
    writeConfigIn(folder, { purge: { dailyAt: '25:00' }, sites })
    expect((await runLapseIn(folder, ['serve'])).stderr).toMatch(
      'purge.dailyAt: must be a time of day in UTC',
    )
  })

  test('lapse purge shows a progress bar on a terminal', async () => {
    writeConfigIn(folder, { sites })
    await runLapseIn(folder, ['migrate'])
    const purge = `${process.execPath} ${lapsePath} purge`
    const shown = execFileSync('/usr/bin/script', ['-qec', purge, '/dev/null'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(shown).toMatch('of 0 rows')
    expect(shown).toMatch(/acme: 0 rows deleted/)
  })
})
