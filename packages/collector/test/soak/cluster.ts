import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { lapsePath, startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { findFreePort, type RunningServer, type ServerKind } from '../../../../test/servers.ts'
import { environment } from '../support/collector.ts'
import { writeConfigIn } from '../support/command.ts'
import { sites } from './limits.ts'

const replicaCount = 3

/** A collector in a process of its own. */
export interface Replica {
  readonly url: string
  start(): Promise<void>
  /** Stops it in order. */
  stop(): Promise<void>
  /** Kills it, in the middle of whatever it does. */
  kill(): Promise<void>
}

/** A database, three collectors that share it, and a load balancer in front of them. */
export interface Cluster {
  /** Missing for SQLite. */
  readonly server: RunningServer | undefined
  readonly database: TestDatabase
  readonly replicas: readonly Replica[]
  /** The URL of the load balancer. */
  readonly url: string
  /** The token of a server with the scope `write`. */
  readonly token: string
  /** What the collectors have logged with the level `warn` or above. */
  readWarnings(): Record<string, unknown>[]
}

/**
 * Starts a cluster, which ends with the test.
 *
 * @param folder for the files of all processes.
 */
export async function startCluster(kind: ServerKind | undefined, folder: string): Promise<Cluster> {
  const server = await kind?.start(join(folder, 'server'))
  onTestFinished(() => server?.end())
  const database = await createDatabase(server ?? { name: 'SQLite' }, folder)
  onTestFinished(() => database.drop())
  const config = { database: database.url, rateLimit: false, sweep: { everySeconds: 1 }, sites }
  const configFile = writeConfigIn(folder, config, 'command.json')
  const run = async (...args: string[]) => {
    const options = { env: { ...process.env, ...environment } }
    const call = [lapsePath, ...args, '--config', configFile]
    return (await promisify(execFile)(process.execPath, call, options)).stdout
  }
  await run('migrate')
  const token = (await run('token', 'create', '--scope', 'write')).trim()
  const replicas: Replica[] = []
  for (let index = 0; index < replicaCount; index++) {
    const port = await findFreePort()
    const file = writeConfigIn(folder, { ...config, listen: { port } }, `${index}.json`)
    const replica = createReplica(file, `http://127.0.0.1:${port}`, join(folder, 'log'))
    onTestFinished(() => replica.kill())
    replicas.push(replica)
  }
  await Promise.all(replicas.map((replica) => replica.start()))
  const url = await startBalancer(replicas, folder)
  return {
    ...{ server, database, replicas, token, url },
    readWarnings: () =>
      readFileSync(join(folder, 'log'), 'utf8')
        .split('\n')
        // A process that was killed may have written half a line.
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level >= 40),
  }
}

function createReplica(configFile: string, url: string, logFile: string): Replica {
  let child: ChildProcess | undefined
  return {
    url,
    async start() {
      const log = openSync(logFile, 'a')
      child = await startLapseServe(configFile, url, environment, lapsePath, log).finally(() =>
        closeSync(log),
      )
    },
    async stop() {
      await stopLapseServe(child)
      child = undefined
    },
    async kill() {
      if (!child || child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      child = undefined
    },
  }
}

/** Starts HAProxy with the settings that docs/guides/reverse-proxy.md recommends, without TLS. Returns its URL. */
async function startBalancer(replicas: readonly Replica[], folder: string): Promise<string> {
  const port = await findFreePort()
  const file = join(folder, 'haproxy.cfg')
  const servers = replicas.map(({ url }, index) => `  server s${index} ${new URL(url).host} check inter 1s`)
  writeFileSync(
    file,
    `global
  maxconn 4096
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 15s
  timeout http-keep-alive 60s
frontend browsers
  bind 127.0.0.1:${port}
  default_backend lapse
backend lapse
  option httpchk GET /readyz
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
${servers.join('\n')}
`,
  )
  const log = openSync(join(folder, 'haproxy.log'), 'a')
  const child = spawn(findProgram('haproxy'), ['-f', file], { stdio: ['ignore', log, log] })
  closeSync(log)
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill()
    await exited
  })
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return url
    await sleep(100)
  }
  throw new Error(`HAProxy did not start: ${readFileSync(join(folder, 'haproxy.log'), 'utf8')}`)
}
