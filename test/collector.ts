import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createDatabase, type TestDatabase } from './databases.ts'
import { type DatabaseServer, findFreePort } from './servers.ts'

/** The built `lapse` command. */
export const lapsePath = fileURLToPath(new URL('../packages/collector/dist/cli/lapse.js', import.meta.url))

/** A collector that runs as users run it: a `lapse serve` process with a configuration file. */
export interface TestCollector {
  readonly url: string
  readonly database: TestDatabase
  /** Runs a `lapse` command with this collector's configuration and returns its standard output. */
  runLapse(...args: string[]): Promise<string>
  start(): Promise<void>
  stop(): Promise<void>
  /** Stops the collector and deletes its files. Deletes the database too, unless other collectors share it. */
  end(): Promise<void>
}

/**
 * Starts a collector on a new database.
 *
 * @param config the configuration without `database` and `listen`.
 * @param environment the secrets that the configuration names.
 */
export async function startCollector(
  server: DatabaseServer,
  config: object,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestCollector> {
  const database = await createDatabase(server)
  const collector = await startReplica(database, config, environment)
  return {
    ...collector,
    async end() {
      await collector.end()
      await database.drop()
    },
  }
}

/** Starts a collector on a database that other collectors may share. */
export async function startReplica(
  database: TestDatabase,
  config: object,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestCollector> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const configFile = join(folder, 'lapse.config.json')
  writeFileSync(configFile, JSON.stringify({ ...config, database: database.url, listen: { port } }))
  let child: ChildProcess | undefined
  const collector: TestCollector = {
    url,
    database,
    async runLapse(...args) {
      const call = [lapsePath, ...args, '--config', configFile]
      const options = { env: { ...process.env, ...environment } }
      return (await promisify(execFile)(process.execPath, call, options)).stdout
    },
    async start() {
      child = await startLapseServe(configFile, url, environment)
    },
    async stop() {
      await stopLapseServe(child)
      child = undefined
    },
    async end() {
      await collector.stop()
      rmSync(folder, { recursive: true })
    },
  }
  await collector.runLapse('migrate')
  await collector.start()
  return collector
}

/**
 * Starts `lapse serve` and waits until it is ready.
 *
 * @param lapse the command to run.
 * @param log the descriptor of the file that the collector logs to.
 */
export async function startLapseServe(
  configFile: string,
  url: string,
  environment = {},
  lapse = lapsePath,
  log: number | 'ignore' = 'ignore',
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [lapse, 'serve', '--config', configFile], {
    stdio: ['ignore', log, 'pipe'],
    env: { ...process.env, ...environment },
  })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return child
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`lapse serve did not become ready: ${errors}`)
}

/**
 * Stops a collector with SIGTERM.
 *
 * @throws if its exit status is not 0.
 */
export async function stopLapseServe(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const [status] = await exited
  if (status !== 0) throw new Error(`lapse serve exited with status ${status}`)
}
