// Measures what a million live sessions cost, and how late their timeouts are recorded. Needs wrk, because a load
// generator in JavaScript would use as much of the machine as the collector.
//
//   1. Inserts live sessions into a new database, then starts a collector.
//   2. Sends activity reports with tickets over keep-alive connections: each live session reports every five minutes, and
//      a tenth of the reports are of users who sign in. As many other sessions expire, whose users do not return.
//   3. Lets many sessions expire at the same moment, twice: under the same load, and without it.
//
// Prints the CPU time of the collector, of the database and of wrk, how late timeouts were recorded, the memory of the
// collector, and the answers by status. SIGINT ends it early, without anything left behind.
//
// Run: pnpm build && LAPSE_MYSQLD=/usr/sbin/mysqld node bench/live-sessions.ts
// A short one: node bench/live-sessions.ts --database SQLite --sessions 20000 --seconds 20
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readStoredTime, toStoredTime } from '../test/databases.ts'
import { type Cluster, type RunningCollector, startCluster } from './live-sessions/cluster.ts'
import { findWrk, type Load, startLoad } from './live-sessions/load.ts'
import {
  heartbeatSeconds,
  idleTimeoutSeconds,
  insertSessions,
  slackMs,
  writeRecords,
} from './live-sessions/simulatedSessions.ts'
import { readCpuUs, readMemoryMiB } from './processUsage.ts'

const { values: options } = parseArgs({
  options: {
    /** `SQLite`, `MariaDB` or `MySQL`. */
    database: { type: 'string', default: 'MySQL' },
    /** Options of the database server. */
    'server-option': { type: 'string', multiple: true, default: ['--innodb-buffer-pool-size=2G'] },
    /** Live sessions at the start. */
    sessions: { type: 'string', default: '1000000' },
    /** How long reports are sent. */
    seconds: { type: 'string', default: '600' },
    /** Reports per second. Default: each session reports every five minutes. */
    rate: { type: 'string' },
    /** How many sessions expire at the same moment. Default: a tenth of the sessions. */
    burst: { type: 'string' },
    connections: { type: 'string', default: '64' },
  },
})
const sessions = Number(options.sessions)
const seconds = Number(options.seconds)
const rate = Math.ceil(Number(options.rate ?? sessions / heartbeatSeconds))
const burst = Math.floor(Number(options.burst ?? sessions / 10))
/** Of so many reports, one is of a user who signs in. For each of them, a session expires. */
const newEvery = 10
const expiring = Math.ceil((rate / newEvery) * seconds)
const maxBurstSeconds = 300
const pollMs = 500
const maxRecordingDelayMs = 30_000
const wrk = findWrk()
const signedInAt = Date.now() - 3_600_000

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

const benchStartedAt = performance.now()
function log(text: string): void {
  const elapsedSeconds = (performance.now() - benchStartedAt) / 1000
  console.log(`${elapsedSeconds.toFixed(0).padStart(5)} s  ${text}`)
}

/** CPU times in microseconds, and counters. */
type Usage = Readonly<Record<'collector' | 'database' | 'wrk' | 'swept' | 'reports', number>>

/** The running parts of the benchmark. */
interface Parts {
  readonly cluster: Cluster
  readonly collector: RunningCollector
  readonly parameters: Readonly<Record<string, string>>
}

async function readUsage({ cluster, collector }: Parts, load?: Load): Promise<Usage> {
  const { swept, answers } = await collector.readMetrics()
  return {
    collector: readCpuUs(collector.pid),
    database: readCpuUs(cluster.databasePid),
    wrk: readCpuUs(load?.pid),
    swept,
    reports: [...answers.values()].reduce((total, count) => total + count, 0),
  }
}

const subtract = (after: Usage, before: Usage): Usage => ({
  collector: after.collector - before.collector,
  database: after.database - before.database,
  wrk: after.wrk - before.wrk,
  swept: after.swept - before.swept,
  reports: after.reports - before.reports,
})

let insertedSessions = sessions
/** How many sessions were inserted per millisecond. */
let insertRate = 0

async function insertLiveSessions({ sql }: Cluster): Promise<void> {
  const startedAt = performance.now()
  const now = Date.now()
  // They last reported in the order in which they will report.
  const getLastAccess = (index: number) => now - (1 - index / sessions) * heartbeatSeconds * 1000
  await insertSessions(sql, {
    ...{ count: sessions, first: 0, signedInAt, signal: interrupted.signal },
    getDueAt: (index) => getLastAccess(index) + idleTimeoutSeconds * 1000 + slackMs,
    onProgress: (inserted) => log(`${inserted} of ${sessions} live sessions inserted`),
  })
  insertRate = sessions / (performance.now() - startedAt)
  log(`${sessions} live sessions inserted, ${Math.round(insertRate * 1000)} a second`)
}

/**
 * Inserts sessions that expire soon, and waits until the first is due.
 *
 * @param spreadMs the time during which they expire.
 * @returns when the first is due, in epoch milliseconds.
 */
async function insertExpiring({ sql }: Cluster, count: number, spreadMs: number): Promise<number> {
  // Twice as long as it should take, because the first ones must not be due before all are there.
  const dueAt = Date.now() + 5_000 + (2 * count) / insertRate
  await insertSessions(sql, {
    ...{ count, first: insertedSessions, signedInAt, signal: interrupted.signal },
    getDueAt: (index) => dueAt + Math.floor((index / count) * spreadMs),
  })
  insertedSessions += count
  if (Date.now() > dueAt) log('the database is slower than expected: the first sessions were due too early')
  await pause(Math.max(0, dueAt - Date.now()))
  return dueAt
}

async function pause(ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: interrupted.signal })
}

async function countDue({ sql }: Cluster, until: number): Promise<number> {
  const at = toStoredTime(sql, until)
  return Number((await sql('session_live').where('due_at', '<=', at).count({ count: '*' }))[0]?.count)
}

/** Waits until everything is recorded that was due at a moment. */
async function waitUntilSwept(cluster: Cluster, dueAt: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < maxBurstSeconds * 1000; waitedMs += pollMs) {
    if ((await countDue(cluster, dueAt)) === 0) return
    await pause(pollMs)
  }
  log(`${await countDue(cluster, dueAt)} sessions are not recorded after ${maxBurstSeconds} s`)
}

/** Prints quantiles of the time by which rows were recorded later than they were due. */
async function printLateness({ sql }: Cluster, title: string, expected: number, afterId = 0): Promise<void> {
  const rows = await sql('session_audit')
    .where({ detected_by: 'sweep' })
    .where('id', '>', afterId)
    .select('detected_at', 'received_at')
  const lateMs = rows
    .map((row) => readStoredTime(row.received_at) - readStoredTime(row.detected_at))
    .toSorted((a, b) => a - b)
  const format = (share: number) =>
    ((lateMs[Math.min(lateMs.length - 1, Math.floor(share * lateMs.length))] ?? Number.NaN) / 1000).toFixed(1)
  const inTime = lateMs.filter((late) => late <= maxRecordingDelayMs).length / lateMs.length
  log(
    `${title}: ${lateMs.length} of ${expected} timeouts recorded, later than expiry plus slack by ${format(0.5)} s (p50), ${format(0.99)} s (p99), ${format(1)} s (max); ${(inTime * 100).toFixed(2)} % within ${maxRecordingDelayMs / 1000} s`,
  )
}

async function readLastId({ sql }: Cluster): Promise<number> {
  return Number((await sql('session_audit').max({ id: 'id' }))[0]?.id ?? 0)
}

/** @param firstNew the number of the first session that signs in. */
const startSteadyLoad = ({ collector: { url }, parameters }: Parts, loadSeconds: number, firstNew: number) =>
  startLoad({
    ...{ wrk, url, seconds: loadSeconds, signal: interrupted.signal },
    parameters: { ...parameters, FIRST_NEW: String(firstNew) },
    connections: Number(options.connections),
  })

/** Prints a line now and then until the load ends. Returns the usage in between. */
async function watchLoad(parts: Parts, load: Load): Promise<Usage> {
  const intervalMs = Math.max(2_000, Math.min(30_000, (seconds / 10) * 1000))
  const first = await readUsage(parts, load)
  let last = first
  let lastAt = performance.now()
  const endsAt = lastAt + seconds * 1000 - intervalMs / 2
  while (performance.now() < endsAt) {
    await pause(Math.min(intervalMs, endsAt - performance.now()))
    const usage = await readUsage(parts, load)
    const now = performance.now()
    const { collector, database, wrk, swept, reports } = subtract(usage, last)
    const ms = now - lastAt
    const percent = (cpuUs: number) => `${Math.round(cpuUs / ms / 10)} %`
    const ofDatabase = parts.cluster.databasePid === undefined ? '' : ` database ${percent(database)},`
    log(
      `${Math.round((reports / ms) * 1000)} reports/s, ${Math.round((swept / ms) * 1000)} timeouts/s; CPU of collector ${percent(collector)},${ofDatabase} wrk ${percent(wrk)}; collector ${readMemoryMiB(parts.collector.pid).toFixed(0)} MiB; ${await countDue(parts.cluster, Date.now())} due`,
    )
    last = usage
    lastAt = now
  }
  return subtract(last, first)
}

async function measureBurst(parts: Parts, title: string): Promise<Usage> {
  const { cluster } = parts
  const lastId = await readLastId(cluster)
  const dueAt = await insertExpiring(cluster, burst, 0)
  const before = await readUsage(parts)
  await waitUntilSwept(cluster, dueAt)
  const usage = subtract(await readUsage(parts), before)
  await printLateness(cluster, `Sessions that expire at the same moment, ${title}`, burst, lastId)
  return usage
}

async function run(cluster: Cluster): Promise<void> {
  await insertLiveSessions(cluster)
  // Users also sign in during the burst.
  const signIns = Math.ceil((rate / newEvery) * (seconds + maxBurstSeconds))
  insertedSessions = sessions + signIns
  const parameters = {
    ...writeRecords(join(cluster.folder, 'records'), insertedSessions, signedInAt),
    ...{ SESSIONS: `${sessions}`, NEW_EVERY: `${newEvery}`, RATE: `${rate}`, STARTED_AT: `${signedInAt}` },
  }
  log('tickets are signed')
  const parts: Parts = { cluster, parameters, collector: await cluster.startCollector() }
  const { collector } = parts
  const memory = { start: readMemoryMiB(collector.pid), middle: 0, end: 0 }
  const dueAt = await insertExpiring(cluster, expiring, seconds * 1000)
  log(`${rate} reports/s for ${seconds} s, while ${expiring} sessions expire`)

  const load = startSteadyLoad(parts, seconds, sessions)
  setTimeout(() => {
    memory.middle = readMemoryMiB(collector.pid)
  }, seconds * 500).unref()
  const loaded = await watchLoad(parts, load)
  const result = await load.result
  await waitUntilSwept(cluster, dueAt + seconds * 1000)
  memory.end = readMemoryMiB(collector.pid)
  await printLateness(cluster, 'Under load', expiring)

  const burstLoad = startSteadyLoad(parts, maxBurstSeconds, sessions + expiring)
  await measureBurst(parts, 'under load')
  burstLoad.stop()
  await burstLoad.result
  const { swept, ...burstCpu } = await measureBurst(parts, 'without load')
  memory.end = readMemoryMiB(collector.pid)
  const perTimeout = { collector: burstCpu.collector / swept, database: burstCpu.database / swept }
  const perReport = (part: 'collector' | 'database' | 'wrk') => {
    const sweepUs = part === 'wrk' ? 0 : perTimeout[part] * loaded.swept
    return (loaded[part] - sweepUs) / loaded.reports
  }
  console.log('\nCPU time, in microseconds')
  console.table({
    collector: {
      'per report': Math.round(perReport('collector')),
      'per timeout': Math.round(perTimeout.collector),
    },
    ...(cluster.databasePid && {
      database: {
        'per report': Math.round(perReport('database')),
        'per timeout': Math.round(perTimeout.database),
      },
    }),
    wrk: { 'per report': Math.round(perReport('wrk')) },
  })
  const { answers } = await collector.readMetrics()
  console.log('Reports')
  console.table({
    'per second': (result.requests / result.seconds).toFixed(0),
    'p50, ms': result.p50.toFixed(1),
    'p99, ms': result.p99.toFixed(1),
    'without answer': result.failed,
    ...Object.fromEntries([...answers].map(([status, count]) => [`status ${status}`, count])),
  })
  console.log('Memory of the collector, in MiB')
  console.table(Object.fromEntries(Object.entries(memory).map(([when, mib]) => [when, Math.round(mib)])))
}

const cluster = await startCluster(options.database, options['server-option'])
try {
  await run(cluster)
} catch (error) {
  if (!interrupted.signal.aborted) throw error
  log('interrupted')
  process.exitCode = 1
} finally {
  await cluster.end()
}
