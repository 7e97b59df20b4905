import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { type Collector, openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import { postJson } from '../support/postJson.ts'
import { selectCurrentRows } from '../support/rows.ts'
import { createActivity, createEnd } from '../support/sessionCollector.ts'
import { clusterKinds, type DatabaseCluster } from './databaseClusters.ts'
import { countBy } from './summarize.ts'

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 3, recordLogouts: true } }
const sessionCount = 300
const testTimeoutMs = 5 * 60_000
/** How often a browser repeats a report that could not be stored. */
const maxAttempts = 10

type Report = Record<string, unknown>

/** Each collector uses another node, and all of them sweep and receive reports of the same sessions. */
describe.each(clusterKinds)('Three collectors on three nodes of $name', ({ start }) => {
  let folder: string
  let cluster: DatabaseCluster
  let database: TestDatabase
  const collectors: Collector[] = []
  const logLines: string[] = []
  const statuses: number[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-soak-'))
    cluster = await start(folder)
    database = await createDatabase({ name: 'the first node', url: cluster.urls[0] ?? '' })
    const { pathname } = new URL(database.url)
    const configs = cluster.urls.map((url) =>
      parseConfig(createConfig(url + pathname, { sites, sweep: { everySeconds: 1 } }), environment),
    )
    const [first] = configs
    const store = first && openStore(first.database, first.table)
    await store?.schema.migrate()
    await store?.close()
    const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) })
    for (const config of configs) collectors.push(await startCollector(config, log))
  }, testTimeoutMs)
  afterAll(async () => {
    await Promise.all(collectors.map((collector) => collector.close()))
    await database.drop()
    await cluster.end()
    rmSync(folder, { recursive: true })
  }, testTimeoutMs)

  /** Sends a report to a collector, and again while it could not be stored. */
  async function send(path: string, report: Report, index: number): Promise<number> {
    const url = `${collectors[index % collectors.length]?.url}${path}`
    for (let attempt = 1; ; attempt++) {
      const { status } = await postJson(url, { ...report, sentAt: Date.now() }, { Origin: origin })
      statuses.push(status)
      if (status !== 503 || attempt === maxAttempts) return status
      await sleep(100 * attempt)
    }
  }

  const toAll = (path: string, report: Report) => collectors.map((_, index) => send(path, report, index))

  /** Uses a session for some seconds. Every third one is then ended by a page without it, every third one by a logout. */
  async function live(index: number): Promise<Report> {
    const now = Date.now()
    const report = createActivity({ startedAt: now, lastAccessAt: now })
    const answers: number[] = []
    for (let beat = 0; beat < 4; beat++) {
      const used = { ...report, lastAccessAt: Date.now() }
      answers.push(...(await Promise.all(toAll('/v1/activity', used))))
      await sleep(500 + Math.random() * 500)
    }
    const lastAccessAt = Date.now()
    const end = (changes: Report) => createEnd({ ...report, lastAccessAt }, changes)
    if (index % 3 === 1) {
      // At about the time at which the sweepers record the timeout.
      await sleep(3_000 + Math.random() * 1_500)
      answers.push(...(await Promise.all(toAll('/v1/lapses', end({})))))
    }
    if (index % 3 === 2) {
      const reports = [
        ...toAll('/v1/lapses', end({ detectedBy: 'logout' })),
        ...toAll('/v1/activity', { ...report, lastAccessAt }),
      ]
      answers.push(...(await Promise.all(reports)))
    }
    expect(answers.filter((status) => status !== 200 && status !== 201 && status !== 204)).toEqual([])
    return report
  }

  test(
    'record the end of each session, with one current row, and lose none',
    async () => {
      const sessions = await Promise.all(
        Array.from({ length: sessionCount }, async (_, index) => {
          await sleep(Math.random() * 8_000)
          return live(index)
        }),
      )
      await vi.waitFor(async () => expect(await database.sql('session_live')).toEqual([]), {
        timeout: 60_000,
        interval: 500,
      })
      const current: string[] = await selectCurrentRows(database.sql).pluck('a.session_key')
      expect(current.sort()).toEqual(sessions.map(({ session }) => String(session)).sort())
      const rows = await database.sql('session_audit').select('detected_by', 'revision')
      const conflicts = await cluster.countConflicts()
      const failures = logLines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 40)
      console.log({
        rows: rows.length,
        swept: rows.filter((row) => row.detected_by === 'sweep').length,
        corrections: rows.filter(({ revision }) => revision > 1).length,
        conflicts,
        statuses: countBy(statuses, String),
        failures: countBy(failures, ({ msg, err }) => err?.message ?? msg),
      })
      expect(conflicts).toBeGreaterThan(0)
    },
    testTimeoutMs,
  )
})
