// Measures how fast the first screen of the dashboard is with many rows, and whether reading delays the writer: sends the
// requests of the dashboard to a collector with rows of a year, and then again while reports arrive.
// Run: pnpm build && node bench/first-screen.ts
// The rows take about 10 GB. MySQL and MariaDB need a server with memory for them, such as
//   mariadbd --innodb-buffer-pool-size=4G
// Name it with --database MariaDB=mysql://root@127.0.0.1:3306
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startCollector, type TestCollector } from '../test/collector.ts'
import type { DatabaseServer } from '../test/servers.ts'
import { fillTable, siteShares } from './first-screen/fill.ts'
import { computeMedian } from './median.ts'
import { parseServer } from './parseServer.ts'

const { values: options } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: ['SQLite'] },
    rows: { type: 'string', default: '10000000' },
    /** The time from the first row to the last. */
    weeks: { type: 'string', default: '52' },
    rounds: { type: 'string', default: '11' },
    /** How long to measure the writer, without and with readers. */
    seconds: { type: 'string', default: '20' },
  },
})

const origin = 'https://app.acme.com'
const dayMs = 86_400_000
const timeZone = 'Europe/Vienna'
const site = { origins: [origin], idleTimeoutSeconds: 1800 }
const config = {
  rateLimit: false,
  sites: Object.fromEntries(Object.keys(siteShares).map((name) => [name, site])),
}

interface Audit {
  readonly collector: TestCollector
  readonly token: string
}

/** The requests of the first screen. They cover the last days until now. */
function listRequests(days: number): Readonly<Record<string, string>> {
  const from = new Date(Date.now() - days * dayMs).toISOString()
  const bucket = days <= 8 ? 'hour' : 'day'
  const summary = `/v1/summary?${new URLSearchParams({ from, bucket, timeZone, compare: 'previous' })}`
  return {
    rows: `/v1/lapses?${new URLSearchParams({ from, limit: '50' })}`,
    'number of rows': `/v1/lapses?${new URLSearchParams({ from, count: 'true', limit: '1' })}`,
    summary,
    'top users': `${summary}&groupBy=subject&top=20&reason=idle_timeout&review=false`,
    sites: `/v1/sites?${new URLSearchParams({ timeZone })}`,
    alarms: '/v1/alarms',
  }
}

/** Measures the time until the end of the response, in milliseconds. */
async function measure({ collector, token }: Audit, path: string): Promise<{ ms: number; body: unknown }> {
  const startedAt = performance.now()
  const response = await fetch(collector.url + path, { headers: { Authorization: `Bearer ${token}` } })
  const body = await response.json()
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${JSON.stringify(body)}`)
  return { ms: performance.now() - startedAt, body }
}

/** Sends all requests at the same time, as the dashboard does, and returns how long each took. */
async function loadScreen(audit: Audit, days: number): Promise<Record<string, number>> {
  const startedAt = performance.now()
  const times = await Promise.all(
    Object.entries(listRequests(days)).map(async ([name, path]) => {
      const { ms, body } = await measure(audit, path)
      const missing = JSON.stringify(body).match(/"(?:needReview|groups|sites|total)":null/g)
      if (missing && !path.includes('review=false'))
        console.log(`${days} days, ${name}: took too long: ${missing.join(', ')}`)
      return [name, ms] as const
    }),
  )
  return { ...Object.fromEntries(times), 'all of them': performance.now() - startedAt }
}

async function measureScreen(audit: Audit, days: number): Promise<Record<string, number>> {
  const rounds: Record<string, number>[] = []
  // The first round is a warm-up.
  for (let round = 0; round <= Number(options.rounds); round++) rounds.push(await loadScreen(audit, days))
  const [, ...measured] = rounds
  const names = Object.keys(measured[0] ?? {})
  return Object.fromEntries(
    names.map((name) => [name, Math.round(computeMedian(measured.map((each) => each[name] ?? Number.NaN)))]),
  )
}

function createReport() {
  const now = Date.now()
  return {
    site: 'shop',
    marker: randomUUID(),
    session: randomUUID(),
    subject: 'u_42',
    startedAt: now - 4_000_000,
    lastAccessAt: now - 2_000_000,
    detectedAt: now,
    sentAt: now,
    detectedBy: 'login_page',
    client: '1.0.0',
  }
}

/** Sends one report after the other, and returns how long each took until its answer, in milliseconds. */
async function measureWriter({ collector }: Audit): Promise<number[]> {
  const times: number[] = []
  const until = performance.now() + Number(options.seconds) * 1000
  while (performance.now() < until) {
    const startedAt = performance.now()
    const response = await fetch(`${collector.url}/v1/lapses`, {
      method: 'POST',
      headers: { Origin: origin, 'Content-Type': 'text/plain' },
      body: JSON.stringify(createReport()),
    })
    await response.arrayBuffer()
    if (response.status !== 201) throw new Error(`POST /v1/lapses: ${response.status}`)
    times.push(performance.now() - startedAt)
    await sleep(5)
  }
  return times
}

/** Measures the writer while two users load the first screen again and again. */
async function measureWriterWithReaders(audit: Audit): Promise<{ times: number[]; screens: number }> {
  const readers = new AbortController()
  let screens = 0
  const reading = [30, 7].map(async (days) => {
    while (!readers.signal.aborted) {
      await loadScreen(audit, days)
      screens += 1
    }
  })
  const times = await measureWriter(audit)
  readers.abort()
  await Promise.all(reading)
  return { times, screens }
}

function describeTimes(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b)
  const quantile = (share: number) =>
    Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1))
  return { reports: times.length, p50: quantile(0.5), p95: quantile(0.95), max: quantile(1) }
}

/** The size of the write-ahead log of an SQLite database, in MiB. */
function measureLog({ collector }: Audit): number {
  const file = `${collector.database.url.replace(/^sqlite:/, '')}-wal`
  return Math.round((statSync(file, { throwIfNoEntry: false })?.size ?? 0) / 1024 / 1024)
}

async function run(server: DatabaseServer): Promise<void> {
  const collector = await startCollector(server, config)
  try {
    const startedAt = performance.now()
    // Its jobs would wait for indexes that do not exist while the table is filled.
    await collector.stop()
    await fillTable(collector.database.sql, Number(options.rows), Number(options.weeks))
    await collector.start()
    const filledAt = performance.now()
    await collector.runLapse('rollup')
    const seconds = (ms: number) => Math.round(ms / 1000)
    console.log(
      `${server.name}: ${options.rows} rows inserted in ${seconds(filledAt - startedAt)} s, rolled up in ${seconds(performance.now() - filledAt)} s`,
    )
    const token = (await collector.runLapse('token', 'create', '--scope', 'read')).trim()
    const audit = { collector, token }
    const columns = {
      '7 days, ms': await measureScreen(audit, 7),
      '30 days, ms': await measureScreen(audit, 30),
    }
    console.table(columns)
    const idle = await measureWriter(audit)
    const busy = await measureWriterWithReaders(audit)
    console.table({ 'no readers': describeTimes(idle), 'two readers': describeTimes(busy.times) })
    console.log(
      `Reading makes the median ${(computeMedian(busy.times) / computeMedian(idle)).toFixed(2)} times as long, while ${busy.screens} screens were loaded.`,
    )
    if (server.url === undefined) console.log(`The write-ahead log has ${measureLog(audit)} MiB.`)
  } finally {
    await collector.end()
  }
}

for (const text of options.database) await run(parseServer(text))
