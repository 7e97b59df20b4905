// What the collector costs beside the least that could be done. Needs wrk: a load generator in JavaScript would take
// as much of the machine as what it measures. Run: pnpm build && node bench/collector.ts
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { SignJWT } from 'jose'
import { createConnection } from 'mysql2/promise'
import { command } from '../test/collector.ts'
import { createDatabase } from '../test/databases.ts'
import { type DatabaseServer, freePort } from '../test/servers.ts'
import { median } from './median.ts'
import { namedServer } from './namedServer.ts'

const { values: options } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: ['SQLite'] },
    connections: { type: 'string', default: '1,16,64,256' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'abcd' },
    /** Added to every commit of a MySQL with a binary log, as by a slower disk; in milliseconds. */
    'commit-delay': { type: 'string' },
  },
})
const secret = 'a secret of the bench, 32 bytes or more'
const bare = fileURLToPath(new URL('./collector/bare.ts', import.meta.url))
const script = fileURLToPath(new URL('./collector/post.lua', import.meta.url))

interface Measured {
  readonly requests: number
  readonly p50: number
  readonly p99: number
}

interface Contestant {
  readonly name: string
  start(databaseUrl: string, folder: string, port: number): ChildProcess
  readonly site: 'open' | 'signed'
}

const contestants: Readonly<Record<string, Contestant>> = {
  a: { name: '(a) bare Koa', start: (_, __, port) => run([bare], { PORT: `${port}` }), site: 'open' },
  b: {
    name: '(b) an insert a request',
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
  execFileSync(process.execPath, [command, 'migrate', '--config', file], {
    env: { ...process.env, SECRET: secret },
  })
  return run([command, 'serve', '--config', file], { SECRET: secret })
}

async function measure(
  { start, site }: Contestant,
  server: DatabaseServer,
  connections: number,
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-bench-'))
  const database = await createDatabase(server)
  // The bare one inserts into the same table.
  if (server.url) serve(database.url, folder, await freePort()).kill()
  const port = await freePort()
  const child = start(database.url, folder, port)
  try {
    await reachable(port)
    const now = Date.now()
    const ticket = await new SignJWT({ sub: 'u_42', iat: Math.floor(now / 1000) - 3600 })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
      .setIssuer('signed')
      .sign(Buffer.from(secret))
    const event = {
      site,
      marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
      startedAt: now - 3_600_000,
      lastAccessAt: now - 2_400_000,
      detectedAt: now,
      sentAt: now,
      session: '[id]',
      subject: 'u_42',
      detectedBy: 'login_page',
      browserRestarted: false,
      client: '1.0.0',
      ...(site === 'signed' && { ticket }),
    }
    await load(port, connections, event, 1)
    return await load(port, connections, event, Number(options.seconds))
  } finally {
    child.kill()
    await once(child, 'exit')
    await database.drop()
    rmSync(folder, { recursive: true })
  }
}

async function load(port: number, connections: number, event: unknown, seconds: number): Promise<Measured> {
  const { stdout } = await promisify(execFile)(
    'wrk',
    [
      '-t1',
      `-c${connections}`,
      `-d${seconds}`,
      '--latency',
      // As long as an answer may take.
      '--timeout',
      '6s',
      '-s',
      script,
      `http://127.0.0.1:${port}/v1/lapses`,
    ],
    { env: { ...process.env, LAPSE_BODY: JSON.stringify(event) } },
  )
  const { requests, seconds: took, p50, p99, failed } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed.`)
  return { requests: requests / took, p50, p99 }
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return
    await sleep(50)
  }
  throw new Error(`Nothing listens on port ${port}.`)
}

async function delayCommits(url: string, ms: number): Promise<void> {
  const connection = await createConnection(url)
  await connection.query('set global binlog_group_commit_sync_delay = ?', [ms * 1000])
  await connection.end()
}

for (const text of options.database) {
  const server = namedServer(text)
  const { name, url } = server
  if (options['commit-delay'] && url) await delayCommits(url, Number(options['commit-delay']))
  for (const connections of options.connections.split(',').map(Number)) {
    const rounds: Record<string, Measured[]> = {}
    // Side by side: whatever else the machine does in a round is the same for all.
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const key of options.only) {
        const contestant = contestants[key]
        if (!contestant || (key === 'b' && !url)) continue
        rounds[key] ??= []
        rounds[key].push(await measure(contestant, server, connections))
      }
    }
    const ratio = (key: string, other: string) => {
      const pairs = rounds[key]?.map(
        ({ requests }, round) => requests / (rounds[other]?.[round]?.requests ?? Number.NaN),
      )
      return pairs ? median(pairs).toFixed(2) : ''
    }
    console.log(`\n${name}, ${connections} connections`)
    console.table(
      Object.fromEntries(
        Object.entries(rounds).map(([key, measured]) => [
          contestants[key]?.name ?? key,
          {
            'requests/s': Math.round(median(measured.map(({ requests }) => requests))),
            'p50 ms': median(measured.map(({ p50 }) => p50)),
            'p99 ms': median(measured.map(({ p99 }) => p99)),
            'to (a)': ratio(key, 'a'),
            'to (b)': ratio(key, 'b'),
          },
        ]),
      ),
    )
  }
}
