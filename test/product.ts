import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createApp } from '@lapse/example-script-tag'
import { createDatabase, type TestDatabase } from './databases.ts'
import { type DatabaseServer, freePort } from './servers.ts'

export const command = fileURLToPath(new URL('../packages/collector/dist/cli/lapse.js', import.meta.url))

/** The demo application and the collector as its users start it, on a database of their own. */
export interface Product {
  readonly appUrl: string
  readonly collectorUrl: string
  readonly sessions: ReturnType<typeof createApp>['sessions']
  readonly database: TestDatabase
  startCollector(): Promise<void>
  stopCollector(): Promise<void>
  end(): Promise<void>
}

export async function startProduct(server: DatabaseServer, idleTimeoutSeconds: number): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const database = await createDatabase(server)
  const [appPort, collectorPort] = [await freePort(), await freePort()]
  const appUrl = `http://127.0.0.1:${appPort}`
  const collectorUrl = `http://127.0.0.1:${collectorPort}`
  const configFile = join(folder, 'lapse.config.json')
  const config = {
    database: database.url,
    listen: { port: collectorPort },
    sites: { demo: { origins: [appUrl], idleTimeoutSeconds } },
  }
  writeFileSync(configFile, JSON.stringify(config))
  await promisify(execFile)(process.execPath, [command, 'migrate', '--config', configFile])

  let collector: ChildProcess | undefined
  const startCollector = async () => {
    collector = await serve(configFile, collectorUrl)
  }
  const stopCollector = async () => {
    await stop(collector)
    collector = undefined
  }
  const { app, sessions } = createApp({ site: 'demo', collector: collectorUrl, idleTimeoutSeconds })
  const appServer = createServer(app.callback()).listen(appPort, '127.0.0.1')
  await once(appServer, 'listening')
  await startCollector()

  return {
    appUrl,
    collectorUrl,
    sessions,
    database,
    startCollector,
    stopCollector,
    async end() {
      await stopCollector()
      appServer.close()
      appServer.closeAllConnections()
      await database.drop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Starts `lapse serve` and waits until it is ready. */
export async function serve(configFile: string, url: string, environment = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [command, 'serve', '--config', configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
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
