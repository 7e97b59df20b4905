import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import type { TestProject } from 'vitest/node'
import { findProgram } from '../scripts/findProgram.ts'

/** A database server that the tests may make databases on; SQLite has none. */
export interface DatabaseServer {
  readonly name: string
  /** Ends behind the port. Missing for SQLite. */
  readonly url?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    databaseServers: DatabaseServer[]
  }
}

/**
 * Starts one server of each kind for the whole run: MariaDB always, MySQL when its command line (`LAPSE_MYSQLD`) is
 * given; a running one (`LAPSE_TEST_DATABASE_URL`) is taken as it is.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const started: RunningServer[] = [await startMariadb(join(folder, 'mariadb'))]
  const { LAPSE_MYSQLD, LAPSE_TEST_DATABASE_URL } = process.env
  if (LAPSE_MYSQLD) started.push(await startMysql(join(folder, 'mysql'), LAPSE_MYSQLD.split(' ')))
  const given = LAPSE_TEST_DATABASE_URL
    ? [{ name: 'LAPSE_TEST_DATABASE_URL', url: serverOf(LAPSE_TEST_DATABASE_URL) }]
    : []
  project.provide('databaseServers', [
    { name: 'SQLite' },
    ...started.map(({ name, url }) => ({ name, url })),
    ...given,
  ])
  return async () => {
    await Promise.all(started.map((server) => server.end()))
    rmSync(folder, { recursive: true })
  }
}

/** A server that may be stopped, killed and started again. */
export interface RunningServer extends Required<DatabaseServer> {
  /** Sends a signal to the process. After SIGSTOP, resolves when the process has stopped. */
  signal(signal: NodeJS.Signals): Promise<void>
  readonly hasEnded: boolean
  /** Starts the same server again, after it was killed, on its port and its data, with these options in addition. */
  startAgain(options?: readonly string[]): Promise<void>
  end(): Promise<void>
}

/** What a server is kept in is made in `folder`, and left there. */
export async function startMariadb(folder: string, more: readonly string[] = []): Promise<RunningServer> {
  const data = prepare(folder)
  const user = `--user=${userInfo().username}`
  const install = findProgram('mariadb-install-db')
  const options = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db', user]
  execFileSync(install, [...options, `--datadir=${data}`], { stdio: 'pipe' })
  return launch('MariaDB', [findProgram('mariadbd'), '--no-defaults', user, ...more], folder)
}

/**
 * @param command mysqld's command line, without what depends on the folder.
 * @param more options for this server alone.
 */
export async function startMysql(
  folder: string,
  command: readonly string[],
  more: readonly string[] = [],
): Promise<RunningServer> {
  const data = prepare(folder)
  const [file = '', ...options] = [...command, ...more]
  execFileSync(file, [...options, '--initialize-insecure', `--datadir=${data}`], { stdio: 'pipe' })
  return launch('MySQL', [...command, ...more], folder)
}

function prepare(folder: string): string {
  mkdirSync(folder)
  return join(folder, 'data')
}

async function launch(name: string, command: readonly string[], folder: string): Promise<RunningServer> {
  const [file = '', ...options] = command
  const port = await freePort()
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
    // A zone with summer time: nothing may depend on the server's own.
    const env = { ...process.env, TZ: 'Europe/Vienna' }
    const started = spawn(file, [...args, ...more], { env, stdio: ['ignore', log, log] })
    closeSync(log)
    if (await isReachable(url, started)) return started
    started.kill('SIGKILL')
    throw new Error(`${name} did not start on port ${port}; its log is ${join(folder, 'log')}`)
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
      await ended(child)
      child = await start(more)
    },
    async end() {
      child.kill()
      await ended(child)
    },
  }
}

async function isReachable(url: string, child: ChildProcess): Promise<boolean> {
  for (let attempt = 0; attempt < 600 && !hasEnded(child); attempt++) {
    const connection = await createConnection(url).catch((error: Error) => error)
    // A server that insists on TLS answers that it does.
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

async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, 'exit')
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address === 'object' && address) return address.port
  throw new Error('A server on a port has an address of its own.')
}

function serverOf(url: string): string {
  const { protocol, username, password, host } = new URL(url)
  return `${protocol}//${username}${password && `:${password}`}@${host}`
}
