import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startCollector, type TestCollector } from '../../../../test/collector.ts'
import { startRedis } from '../../../../test/redis.ts'
import { findFreePort } from '../../../../test/servers.ts'

/** Long enough for a page load on a slow machine. */
const defaultIdleTimeoutSeconds = 8
const heartbeatSeconds = 1

/** An application in `apps/`: one or more processes that share a store, and their collector. */
export interface TestApplication {
  /** The address of the first replica. */
  readonly url: string
  /** The addresses of all replicas. */
  readonly urls: readonly string[]
  readonly collector: TestCollector
  readonly idleTimeoutSeconds: number
  /** Stops all replicas, and starts them again. */
  restart(): Promise<void>
  end(): Promise<void>
}

export interface TestApplicationOptions {
  /** The file in `apps/`, without its extension. */
  readonly app: string
  readonly replicas?: number | undefined
  readonly idleTimeoutSeconds?: number | undefined
  /** More environment variables of the application. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** More settings of the site. */
  readonly site?: object | undefined
}

/**
 * Starts a collector and the processes of an application.
 *
 * The application reads `PORT`, `LAPSE_COLLECTOR`, `LAPSE_TOKEN`, `LAPSE_TICKET_SECRET`, `IDLE_TIMEOUT_SECONDS`,
 * `HEARTBEAT_SECONDS`, `SESSION_SECRET`, and where its replicas may keep common data: `REDIS_URL` and `STORE_FOLDER`.
 */
export async function startTestApplication(options: TestApplicationOptions): Promise<TestApplication> {
  const { app, replicas = 1, idleTimeoutSeconds = defaultIdleTimeoutSeconds, environment, site } = options
  const ports: number[] = []
  for (let replica = 0; replica < replicas; replica++) ports.push(await findFreePort())
  const urls = ports.map((port) => `http://127.0.0.1:${port}`)
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const redis = await startRedis()
  const ticketSecret = randomBytes(32).toString('base64url')
  const collector = await startSiteCollector(urls, ticketSecret, { idleTimeoutSeconds, ...site })
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')
  const shared = {
    ...process.env,
    LAPSE_COLLECTOR: collector.url,
    LAPSE_TOKEN: token.trim(),
    LAPSE_TICKET_SECRET: ticketSecret,
    IDLE_TIMEOUT_SECONDS: String(idleTimeoutSeconds),
    HEARTBEAT_SECONDS: String(heartbeatSeconds),
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    REDIS_URL: redis.url,
    STORE_FOLDER: folder,
    SINGLE_SESSION: '1',
    ...environment,
  }
  let processes: ChildProcess[] = []
  let hasStarted = false
  const start = async () => {
    // The first one may create the tables. After that, they start at the same time.
    const [first, ...others] = ports.map((port) => () => startProcess(app, { ...shared, PORT: String(port) }))
    if (!first) return
    if (!hasStarted) processes.push(await first())
    const remaining = hasStarted ? [first, ...others] : others
    processes.push(...(await Promise.all(remaining.map((startOne) => startOne()))))
    hasStarted = true
  }
  const stop = async () => {
    await Promise.all(processes.map(stopProcess))
    processes = []
  }
  await start()
  return {
    url: urls[0] ?? '',
    urls,
    collector,
    idleTimeoutSeconds,
    async restart() {
      await stop()
      await start()
    },
    async end() {
      await stop()
      await collector.end()
      await redis.end()
      rmSync(folder, { recursive: true })
    },
  }
}

function startSiteCollector(origins: readonly string[], secret: string, site: object) {
  const acme = {
    origins,
    ticketKeys: [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }],
    requireTicket: true,
    ...site,
  }
  const config = { sites: { acme }, sweep: { everySeconds: 1 }, rateLimit: { requestsPerMinute: 100_000 } }
  return startCollector({ name: 'SQLite' }, config, { LAPSE_TICKET_SECRET: secret })
}

async function startProcess(app: string, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const file = fileURLToPath(new URL(`apps/${app}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    const response = await fetch(`http://127.0.0.1:${env.PORT}/healthz`).catch(() => undefined)
    if (response?.ok) return child
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`The application ${app} did not start: ${output}`)
}

/** Stops a process as a process manager does. The application closes Lapse on SIGTERM. */
async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
