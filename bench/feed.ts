// Measures how fast rows are added to the feed and read from it, and what that costs the writer: writes reports as fast as
// possible, in turns with and without the job that adds the rows. Run: node bench/feed.ts --database MariaDB=mysql://…
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { parseEndReport } from '../packages/collector/src/domain/endReport.ts'
import { openStore, parseConfig, type Store } from '../packages/collector/src/index.ts'
import { beginningOfFeed } from '../packages/collector/src/reading/feed.ts'
import type { EndWork } from '../packages/collector/src/recording/sessionWork.ts'
import { openWriter } from '../packages/collector/src/store/openWriter.ts'
import { createDatabase } from '../test/databases.ts'
import type { DatabaseServer } from '../test/servers.ts'
import { computeMedian } from './median.ts'
import { parseServer } from './parseServer.ts'
import { fillTable } from './reading/fill.ts'

const { values: options } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: ['SQLite'] },
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    /** How many reports are being written at a time. */
    concurrency: { type: 'string', default: '64' },
  },
})

const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }

function createWork(): EndWork {
  const now = Date.now()
  const times = { startedAt: now - 7_200_000, lastAccessAt: now - 3_600_000, detectedAt: now, sentAt: now }
  const identity = { marker: randomUUID(), session: randomUUID(), subject: 'u_42' }
  const body = { site: 'acme', detectedBy: 'login_page', browserRestarted: false, ...identity, ...times }
  const report = parseEndReport(body, 'browser')
  const request = {
    receivedAt: now,
    origin: 'https://app.acme.com',
    ip: '203.0.113.0',
    userAgent: 'Mozilla/5.0',
  }
  const limits = { idleTimeoutSeconds: 1800, graceSeconds: 0, recordLogouts: false }
  return { kind: 'end', end: { report, claims: undefined, site: limits, request } }
}

/** Writes reports for a few seconds, and returns how many a second. */
async function measureWriter(
  writer: ReturnType<typeof openWriter>,
): Promise<{ rate: number; p99Ms: number }> {
  const durations: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + Number(options.seconds) * 1000
  async function writeOneByOne(): Promise<void> {
    while (performance.now() < endsAt) {
      const work = createWork()
      const sentAt = performance.now()
      await writer.write(work)
      durations.push(performance.now() - sentAt)
    }
  }
  await Promise.all(Array.from({ length: Number(options.concurrency) }, writeOneByOne))
  const rate = (durations.length / (performance.now() - startedAt)) * 1000
  return { rate, p99Ms: durations.toSorted((a, b) => a - b)[Math.floor(durations.length * 0.99)] ?? 0 }
}

/** Adds rows to the feed like the job of a collector, until it is stopped. */
function startSequencer({ feedSequencer }: Store): () => Promise<void> {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await feedSequencer.numberRows(stopping.signal)
      await sleep(500, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return () => {
    stopping.abort()
    return running
  }
}

async function readAll({ feed }: Store): Promise<number> {
  let position = beginningOfFeed
  let rows = 0
  for (let isAtEnd = false; !isAtEnd; ) {
    const page = await feed.read({}, { after: position, limit: 1000 })
    rows += page.rows.length
    position = page.next
    isAtEnd = page.isAtEnd
  }
  return rows
}

async function timeRate(work: () => Promise<number>): Promise<string> {
  const startedAt = performance.now()
  const rows = await work()
  return `${Math.round((rows / (performance.now() - startedAt)) * 1000)} rows/s`
}

async function measure(server: DatabaseServer): Promise<void> {
  const database = await createDatabase(server)
  const location = parseConfig({ database: database.url, sites: { acme: site } })
  const store = openStore(location.database, location.table)
  await store.schema.migrate()
  const rows = Number(options.rows)
  await fillTable(database.sql, rows, 20)
  const numbering = await timeRate(() => store.feedSequencer.numberRows().then(() => rows))
  console.log(`${server.name}: ${rows} existing rows added at ${numbering}, half of the time idle`)
  console.log(`${server.name}: read at ${await timeRate(() => readAll(store))}`)

  const writer = openWriter(location.database, location.table)
  const results = { without: [] as number[], with: [] as number[] }
  const latencies = { without: [] as number[], with: [] as number[] }
  for (let round = 0; round < Number(options.rounds); round++)
    for (const how of ['without', 'with'] as const) {
      const stop = how === 'with' ? startSequencer(store) : async () => {}
      const { rate, p99Ms } = await measureWriter(writer)
      await stop()
      results[how].push(rate)
      latencies[how].push(p99Ms)
      // The rows of the round without the job are not left to the next one.
      await store.feedSequencer.numberRows()
    }
  for (const how of ['without', 'with'] as const)
    console.log(
      `${server.name}: ${Math.round(computeMedian(results[how]))} reports/s ${how} the feed, p99 ${computeMedian(latencies[how]).toFixed(1)} ms`,
    )
  const ratio = computeMedian(results.with) / computeMedian(results.without)
  console.log(`${server.name}: ratio ${ratio.toFixed(3)}`)
  await writer.close()
  await store.close()
  await database.drop()
}

for (const text of options.database) await measure(parseServer(text))
