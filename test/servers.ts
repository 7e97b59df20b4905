import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import type { TestProject } from 'vitest/node'
import { hasErrorCode } from '../packages/collector/src/domain/thrownError.ts'
import { findProgram } from '../scripts/findProgram.ts'

/** A database server on which tests create databases. SQLite has no server. */
export interface DatabaseServer {
  readonly name: string
  /** The URL without a database name. Missing for SQLite. */
  readonly url?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    databaseServers: DatabaseServer[]
  }
}

/**
 * Starts the database servers for the whole test run: MariaDB, and MySQL if `LAPSE_MYSQLD` is its command line. If
 * `LAPSE_TEST_DATABASE_URL` is set, the tests use that running server too.
 */
export default async function startDatabaseServers(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const started: RunningServer[] = []
  for (const { name, start } of serverKinds) started.push(await start(join(folder, name)))
  const { LAPSE_TEST_DATABASE_URL } = process.env
  const running = LAPSE_TEST_DATABASE_URL
    ? [{ name: 'LAPSE_TEST_DATABASE_URL', url: removeDatabaseName(LAPSE_TEST_DATABASE_URL) }]
    : []
  project.provide('databaseServers', [
    { name: 'SQLite' },
    ...started.map(({ name, url }) => ({ name, url })),
    ...running,
  ])
  return async () => {
    await Promise.all(started.map((server) => server.end()))
    rmSync(folder, { recursive: true })
  }
}

/** A server that a test can stop, kill and restart. */
export interface RunningServer extends Required<DatabaseServer> {
  /** Sends a signal to the process. After SIGSTOP, resolves when the process has stopped. */
  signal(signal: NodeJS.Signals): Promise<void>
  readonly hasEnded: boolean
  /** Restarts a server that has ended, on the same port and data, with additional options. */
  startAgain(options?: readonly string[]): Promise<void>
  end(): Promise<void>
}

/** A kind of database server that tests can start. */
export interface ServerKind {
  readonly name: string
  /**
   * @param folder is created for the server's files, and is not deleted.
   * @param options additional options of the server.
   */
  readonly start: (folder: string, options?: readonly string[]) => Promise<RunningServer>
}

const { LAPSE_MYSQLD } = process.env

/** MariaDB, and MySQL if `LAPSE_MYSQLD` is its command line. */
export const serverKinds: readonly ServerKind[] = [
  { name: 'MariaDB', start: startMariadb },
  ...(LAPSE_MYSQLD ? [{ name: 'MySQL', start: createMysqlStarter(LAPSE_MYSQLD.split(' ')) }] : []),
]

async function startMariadb(folder: string, more: readonly string[] = []): Promise<RunningServer> {
  const data = createDataFolder(folder)
  const user = `--user=${userInfo().username}`
  const install = findProgram('mariadb-install-db')
  const options = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', user]
  execFileSync(install, [...options, `--datadir=${data}`], { stdio: 'pipe' })
  // A server that starts deletes the temporary tables of others in the same folder.
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  const command = [findProgram('mariadbd'), '--no-defaults', user, `--tmpdir=${temporary}`, ...more]
  return launch('MariaDB', command, folder)
}

/** @param command the command line of mysqld, without the options that depend on the folder. */
function createMysqlStarter(command: readonly string[]): ServerKind['start'] {
  return async (folder, more = []) => {
    const data = createDataFolder(folder)
    const [file = '', ...options] = [...command, ...more]
    execFileSync(file, [...options, '--initialize-insecure', `--datadir=${data}`], { stdio: 'pipe' })
    return launch('MySQL', [...command, ...more], folder)
  }
}

function createDataFolder(folder: string): string {
  mkdirSync(folder)
  return join(folder, 'data')
}

async function launch(name: string, command: readonly string[], folder: string): Promise<RunningServer> {
  const [file = '', ...options] = command
  const port = await findFreePort()
  const url = `mysql://root@127.0.0.1:${port}`
  const args = [
    ...options,
    `--datadir=${join(folder, 'data')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, 'pid')}`,
  ]
  const start = async (more: readonly string[] = []) => {
    const log = openSync(join(folder, 'log'), 'a')
    // A time zone with daylight saving time, because nothing may depend on the server's time zone.
    const env = { ...process.env, TZ: 'Europe/Vienna' }
    const started = spawn(file, [...args, ...more], { env, stdio: ['ignore', log, log] })
    closeSync(log)
    if (await isReachable(url, started)) return started
    started.kill('SIGKILL')
    throw new Error(`${name} did not start on port ${port}. See its log: ${join(folder, 'log')}`)
  }
  let child = await start()
  return {
    name,
    url,
    async signal(signal) {
      child.kill(signal)
      if (signal === 'SIGSTOP') await waitUntilStopped(child)
    },
    get hasEnded() {
      return hasEnded(child)
    },
    async startAgain(more) {
      await waitUntilEnded(child)
      child = await start(more)
    },
    async end() {
      child.kill()
      await waitUntilEnded(child)
    },
  }
}

async function isReachable(url: string, child: ChildProcess): Promise<boolean> {
  for (let attempt = 0; attempt < 600 && !hasEnded(child); attempt++) {
    const connection = await createConnection(url).catch((error: Error) => error)
    // This error means that the server is up and requires TLS.
    if (
      connection instanceof Error &&
      'code' in connection &&
      connection.code === 'ER_SECURE_TRANSPORT_REQUIRED'
    )
      return true
    if (!(connection instanceof Error)) {
      await connection.end()
      return true
    }
    await sleep(100)
  }
  return false
}

/** Until all threads have stopped, the server may still answer. */
async function waitUntilStopped({ pid }: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const threads = readdirSync(`/proc/${pid}/task`)
    const isStopped = (thread: string) =>
      /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
    if (threads.every(isStopped)) return
    await sleep(10)
  }
  throw new Error(`The process ${pid} did not stop.`)
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function waitUntilEnded(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit')
}

/** Above 10080, the highest port that browsers block, and below 32768, from where on Linux chooses ports itself. */
const testPorts = { first: 10_081, perProcess: 5_600, processes: 4 }
let portsTaken = randomInt(testPorts.perProcess)

/**
 * Finds a port that no program uses. Each process of the test runner has ports of its own and takes them in turn, so
 * that nobody else takes the port between this call and its use.
 */
export async function findFreePort(): Promise<number> {
  const processNumber = Number(process.env.VITEST_POOL_ID ?? 0) % testPorts.processes
  for (;;) {
    const port =
      testPorts.first + processNumber * testPorts.perProcess + (portsTaken++ % testPorts.perProcess)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if (hasErrorCode(error, ['EADDRINUSE'])) continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

function removeDatabaseName(url: string): string {
  const { protocol, username, password, host } = new URL(url)
  return `${protocol}//${username}${password && `:${password}`}@${host}`
}
