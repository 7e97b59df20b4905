import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { lapsePath } from '../../test/collector.ts'
import { createDatabase } from '../../test/databases.ts'
import { findFreePort, type RunningServer, serverKinds } from '../../test/servers.ts'
import { secret } from '../signTicket.ts'
import { site } from './simulatedSessions.ts'

/** A database with a migrated schema, for one collector. */
export interface Cluster {
  readonly folder: string
  readonly sql: Knex
  /** Missing for SQLite, which is a part of the collector's process. */
  readonly databasePid: number | undefined
  startCollector(): Promise<RunningCollector>
  /** Stops all processes and deletes the files. */
  end(): Promise<void>
}

export interface RunningCollector {
  readonly url: string
  readonly pid: number | undefined
  readMetrics(): Promise<Metrics>
}

/** What the benchmark reads of a collector's metrics. */
interface Metrics {
  readonly swept: number
  /** The number of answers to activity reports by status. */
  readonly answers: ReadonlyMap<string, number>
}

/**
 * Starts a database.
 *
 * @param name `SQLite`, `MariaDB` or `MySQL`
 * @param serverOptions command-line options of the database server
 */
export async function startCluster(name: string, serverOptions: readonly string[]): Promise<Cluster> {
  const kind = serverKinds.find((each) => each.name === name)
  if (!kind && name !== 'SQLite')
    throw new Error(`Unknown database ${name}. Use SQLite, MariaDB, or MySQL with LAPSE_MYSQLD.`)
  const folder = mkdtempSync(join(tmpdir(), 'lapse-bench-'))
  let server: RunningServer | undefined
  try {
    server = await kind?.start(join(folder, 'server'), serverOptions)
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
  const database = await createDatabase(server ?? { name }, folder)
  const port = await findFreePort()
  const configFile = join(folder, 'lapse.config.json')
  const config = { database: database.url, listen: { port }, rateLimit: false, sites: { acme: site } }
  writeFileSync(configFile, JSON.stringify(config))
  const env = { ...process.env, NODE_ENV: 'production', SECRET: secret }
  execFileSync(process.execPath, [lapsePath, 'migrate', '--config', configFile], { env })
  let child: ChildProcess | undefined
  const url = `http://127.0.0.1:${port}`
  return {
    folder,
    sql: database.sql,
    databasePid: server && Number(readFileSync(join(folder, 'server/pid'), 'utf8')),
    async startCollector() {
      child = spawn(process.execPath, [lapsePath, 'serve', '--config', configFile], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env,
      })
      await waitUntilReady(url, child)
      return { url, pid: child.pid, readMetrics: () => readMetrics(url) }
    },
    async end() {
      await stop(child)
      await database.drop()
      await server?.end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return
    await sleep(100)
  }
  throw new Error('The collector did not become ready.')
}

/** Stops a process, and kills it if it does not stop. */
async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exited
  clearTimeout(timer)
}

async function readMetrics(url: string): Promise<Metrics> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const swept = [...text.matchAll(/^lapse_swept_sessions_total\{.*\} (\d+)$/gm)]
  const answers = text.matchAll(
    /^lapse_http_request_duration_seconds_count\{route="\/v1\/activity",method="POST",status="(\d+)"\} (\d+)$/gm,
  )
  return {
    swept: swept.reduce((total, [, count]) => total + Number(count), 0),
    answers: new Map([...answers].map(([, status, count]) => [String(status), Number(count)])),
  }
}
