// Compares the collector's throughput, and its CPU time for each end report, with those of a bare Koa server. Needs wrk,
// because a load generator in JavaScript would use as much of the machine as the server. A database must run on this
// machine as the same user. Run: pnpm build && node bench/collector.ts --database MySQL=mysql://root@127.0.0.1:3306
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { lapsePath } from '../test/collector.ts'
import { createDatabase } from '../test/databases.ts'
import { type DatabaseServer, findFreePort } from '../test/servers.ts'
import { computeMedian } from './median.ts'
import { parseServer } from './parseServer.ts'
import { readCpuUs } from './processUsage.ts'
import { secret, signTicket } from './signTicket.ts'

const { values: options } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: ['SQLite'] },
    connections: { type: 'string', default: '1,16,64,256' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'abcd' },
    /** Keeps a session live, so that end reports cannot assume that none is. */
    live: { type: 'boolean', default: false },
    /** Delays every commit of a MySQL with a binary log, as a slower disk would. In milliseconds. */
    'commit-delay': { type: 'string' },
  },
})
const maxRequestsPerSecond = 20_000
const bare = fileURLToPath(new URL('./collector/bare.ts', import.meta.url))
const script = fileURLToPath(new URL('./collector/post.lua', import.meta.url))

interface Measurement {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** For each request. */
  readonly collectorMicroseconds: number
  readonly databaseMicroseconds: number
}

interface Candidate {
  readonly name: string
  start(databaseUrl: string, folder: string, port: number): ChildProcess
  readonly site: 'open' | 'signed'
}

const candidates: Readonly<Record<string, Candidate>> = {
  a: { name: '(a) bare Koa', start: (_, __, port) => run([bare], { PORT: `${port}` }), site: 'open' },
  b: {
    name: '(b) one insert per request',
    start: (url, _, port) => run([bare], { PORT: `${port}`, DATABASE_URL: url }),
    site: 'open',
  },
  c: { name: '(c) collector', start: serve, site: 'open' },
  d: { name: '(d) collector, tickets', start: serve, site: 'signed' },
}

function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', ...environment },
  })
}

function serve(database: string, folder: string, port: number): ChildProcess {
  const file = join(folder, 'lapse.config.json')
  const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
  const ticketKeys = [{ alg: 'HS256', secret: 'env:SECRET' }]
  const sites = { open: site, signed: { ...site, requireTicket: true, ticketKeys } }
  writeFileSync(file, JSON.stringify({ database, listen: { port }, rateLimit: false, sites }))
  execFileSync(process.execPath, [lapsePath, 'migrate', '--config', file], {
    env: { ...process.env, SECRET: secret },
  })
  return run([lapsePath, 'serve', '--config', file], { SECRET: secret })
}

async function measure(
  { start, site }: Candidate,
  server: DatabaseServer,
  connections: number,
): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-bench-'))
  const database = await createDatabase(server)
  // Creates the tables for candidate (b).
  if (server.url) serve(database.url, folder, await findFreePort()).kill()
  const port = await findFreePort()
  const child = start(database.url, folder, port)
  try {
    await waitUntilReachable(port)
    const now = Date.now()
    const report = {
      site,
      marker: '0b9c1f5e-7f1c-4a53-9c9e-[id]',
      startedAt: now - 3_600_000,
      lastAccessAt: now - 2_400_000,
      detectedAt: now,
      sentAt: now,
      session: 's_[id]',
      subject: 'u_[id]',
      detectedBy: 'login_page',
      browserRestarted: false,
      client: '1.0.0',
      ...(site === 'signed' && { ticket: '[ticket]' }),
    }
    const tickets = join(folder, 'tickets')
    const post = async (seconds: number) => {
      // A collector verifies each ticket once. Each session has its own.
      if (site === 'signed') writeFileSync(tickets, signTickets(seconds * maxRequestsPerSecond, now))
      return load({ port, connections, report, tickets, seconds })
    }
    if (options.live) await reportActivity(port, site)
    await post(1)
    const pids = [child.pid, ...(await findDatabaseProcess(database.url))]
    const before = pids.map(readCpuUs)
    const { requests, ...measured } = await post(Number(options.seconds))
    const [collector = 0, databaseTime = 0] = pids.map(
      (pid, index) => (readCpuUs(pid) - (before[index] ?? 0)) / requests,
    )
    return { ...measured, collectorMicroseconds: collector, databaseMicroseconds: databaseTime }
  } finally {
    child.kill()
    await once(child, 'exit')
    await database.drop()
    rmSync(folder, { recursive: true })
  }
}

async function reportActivity(port: number, site: string): Promise<void> {
  const now = Date.now()
  const times = { startedAt: now, lastAccessAt: now, sentAt: now }
  const [ticket] = signTickets(1, now).split('\n')
  await fetch(`http://127.0.0.1:${port}/v1/activity`, {
    method: 'POST',
    body: JSON.stringify({ site, marker: randomUUID(), ...times, ...(site === 'signed' && { ticket }) }),
  })
}

/** Signs a ticket for each session, one per line. */
function signTickets(count: number, now: number): string {
  const claims = { iss: 'signed', iat: Math.floor(now / 1000) - 3600 }
  const tickets = Array.from({ length: count }, () => signTicket({ ...claims, sub: `u_${randomUUID()}` }))
  return tickets.join('\n')
}

/** @returns no process for an embedded database, or none at all. */
async function findDatabaseProcess(url: string): Promise<number[]> {
  if (!url.startsWith('m')) return []
  const connection = await createConnection(url)
  const [rows] = await connection.query<RowDataPacket[]>('select @@pid_file as file')
  await connection.end()
  return rows.map(({ file }) => Number(readFileSync(file, 'utf8')))
}

interface Load {
  readonly port: number
  readonly connections: number
  readonly report: unknown
  /** A file. */
  readonly tickets: string
  readonly seconds: number
}

async function load({ port, connections, report, tickets, seconds }: Load) {
  const { stdout } = await promisify(execFile)(
    'wrk',
    [
      '-t1',
      `-c${connections}`,
      `-d${seconds}`,
      '--latency',
      // Longer than the collector's own deadline.
      '--timeout',
      '6s',
      '-s',
      script,
      `http://127.0.0.1:${port}/v1/lapses`,
    ],
    {
      env: {
        ...process.env,
        LAPSE_BODY: JSON.stringify(report),
        ...(existsSync(tickets) && { LAPSE_TICKETS: tickets }),
      },
    },
  )
  const { requests, seconds: took, p50, p99, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed.`)
  return { requests, requestsPerSecond: requests / took, p50Ms: p50, p99Ms: p99 }
}

async function waitUntilReachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return
    await sleep(50)
  }
  throw new Error(`No server listens on port ${port}.`)
}

async function delayCommits(url: string, ms: number): Promise<void> {
  const connection = await createConnection(url)
  await connection.query('set global binlog_group_commit_sync_delay = ?', [ms * 1000])
  await connection.end()
}

for (const text of options.database) {
  const server = parseServer(text)
  const { name, url } = server
  if (options['commit-delay'] && url) await delayCommits(url, Number(options['commit-delay']))
  for (const connections of options.connections.split(',').map(Number)) {
    const rounds: Record<string, Measurement[]> = {}
    // In turns, so that other load on the machine affects all candidates.
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const key of options.only) {
        const candidate = candidates[key]
        if (!candidate || (key === 'b' && !url)) continue
        rounds[key] ??= []
        rounds[key].push(await measure(candidate, server, connections))
      }
    }
    const computeRatio = (key: string, other: string) => {
      const pairs = rounds[key]?.map(
        ({ requestsPerSecond }, round) =>
          requestsPerSecond / (rounds[other]?.[round]?.requestsPerSecond ?? Number.NaN),
      )
      return pairs ? computeMedian(pairs).toFixed(2) : ''
    }
    console.log(`\n${name}, ${connections} connections`)
    console.table(
      Object.fromEntries(
        Object.entries(rounds).map(([key, measured]) => [
          candidates[key]?.name ?? key,
          {
            'requests/s': Math.round(
              computeMedian(measured.map(({ requestsPerSecond }) => requestsPerSecond)),
            ),
            'p50 ms': computeMedian(measured.map(({ p50Ms }) => p50Ms)),
            'p99 ms': computeMedian(measured.map(({ p99Ms }) => p99Ms)),
            'server µs': Math.round(
              computeMedian(measured.map(({ collectorMicroseconds }) => collectorMicroseconds)),
            ),
            'database µs': Math.round(
              computeMedian(measured.map(({ databaseMicroseconds }) => databaseMicroseconds)),
            ),
            'to (a)': computeRatio(key, 'a'),
            'to (b)': computeRatio(key, 'b'),
          },
        ]),
      ),
    )
  }
}
