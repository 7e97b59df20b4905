import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createDatabase, type TestDatabase } from './databases.ts'
import { type DatabaseServer, freePort } from './servers.ts'

export const command = fileURLToPath(new URL('../packages/collector/dist/cli/lapse.js', import.meta.url))

/** A collector as its users start it, on a database of its own. */
export interface TestCollector {
  readonly url: string
  readonly database: TestDatabase
  /** Runs `lapse` with this collector's configuration, and gives what it prints. */
  lapse(...args: string[]): Promise<string>
  start(): Promise<void>
  stop(): Promise<void>
  end(): Promise<void>
}

/** @param environment holds the secrets that the sites name. */
export async function startCollector(
  server: DatabaseServer,
  sites: Readonly<Record<string, object>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestCollector> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const database = await createDatabase(server)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const configFile = join(folder, 'lapse.config.json')
  writeFileSync(configFile, JSON.stringify({ database: database.url, listen: { port }, sites }))
  let child: ChildProcess | undefined
  const collector: TestCollector = {
    url,
    database,
    async lapse(...args) {
      const options = { env: { ...process.env, ...environment } }
      const call = [command, ...args, '--config', configFile]
      return (await promisify(execFile)(process.execPath, call, options)).stdout
    },
    async start() {
      child = await serve(configFile, url, environment)
    },
    async stop() {
      await stop(child)
      child = undefined
    },
    async end() {
      await collector.stop()
      await database.drop()
      rmSync(folder, { recursive: true })
    },
  }
  await collector.lapse('migrate')
  await collector.start()
  return collector
}

/** Starts `lapse serve` and waits until it is ready. `log` is the file, if any, that it logs into. */
export async function serve(
  configFile: string,
  url: string,
  environment = {},
  lapse = command,
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

/** Ends a collector with SIGTERM; throws unless it ends well. */
export async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const [status] = await exited
  if (status !== 0) throw new Error(`lapse serve ended with ${status}`)
}
