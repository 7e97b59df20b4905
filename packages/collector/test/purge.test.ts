import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { command, serve, stop } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../test/databases.ts'
import { waitUntil } from '../../../test/engines/engine.ts'
import { freePort } from '../../../test/servers.ts'
import { parseConfig, startCollector } from '../src/index.ts'
import { origin } from './collector.ts'
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
})
