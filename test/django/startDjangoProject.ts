import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCollector, type TestCollector } from '../collector.ts'
import { findFreePort } from '../servers.ts'
import { installPackage, packageFolder, python, run } from './python.ts'

/** How long a session lives without a request, in seconds. */
export const idleTimeoutSeconds = 4

/** The project of the package's tests, with the installed package and a collector. */
export interface DjangoProject {
  readonly collector: TestCollector
  /** The ids of the users. */
  readonly users: Readonly<Record<Username, string>>
  readonly password: string
  /** Starts another process of the project. All share a database. */
  serve(environment?: Readonly<Record<string, string>>): Promise<DjangoProcess>
  end(): Promise<void>
}

export interface DjangoProcess {
  readonly url: string
  /** Ends the process, `SIGINT` as an operator does, `SIGKILL` as a crash does. */
  stop(signal: 'SIGINT' | 'SIGKILL'): Promise<void>
}

const usernames = ['anna', 'berta', 'idle', 'polling', 'late', 'timed'] as const
export type Username = (typeof usernames)[number]

const createUsers = `
import json
from django.contrib.auth.models import User
names = ${JSON.stringify(usernames)}
print(json.dumps({name: str(User.objects.create_user(name, password="PASSWORD").pk) for name in names}))
`

export async function startDjangoProject(): Promise<DjangoProject> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const site = await installPackage()
  const ports = await Promise.all(Array.from({ length: 5 }, findFreePort))
  const ticketSecret = randomBytes(32).toString('hex')
  const acme = {
    origins: ports.map((port) => `http://127.0.0.1:${port}`),
    // The tickets state the limit of each session.
    idleTimeoutSeconds: 1800,
    ticketKeys: [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }],
    requireTicket: true,
  }
  const config = { sites: { acme }, sweep: { everySeconds: 1 } }
  const collector = await startCollector({ name: 'SQLite' }, config, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')
  const password = randomBytes(8).toString('hex')
  const environment = {
    ...process.env,
    PYTHONPATH: site,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONSAFEPATH: '1',
    DJANGO_SETTINGS_MODULE: 'tests.project.settings',
    DATABASE_NAME: join(folder, 'project.sqlite'),
    SESSION_COOKIE_AGE: `${idleTimeoutSeconds}`,
    LAPSE_HEARTBEAT_SECONDS: '1',
    LAPSE_COLLECTOR: collector.url,
    LAPSE_TOKEN: token.trim(),
    LAPSE_TICKET_SECRET: ticketSecret,
  }
  const manage = (...args: readonly string[]) =>
    run(python, ['-c', runDjango, ...args], { cwd: folder, env: environment })
  await manage('migrate')
  const { stdout } = await manage('shell', '--command', createUsers.replace('PASSWORD', password))
  const users: Record<Username, string> = JSON.parse(stdout)
  const processes: DjangoProcess[] = []
  return {
    collector,
    users,
    password,
    async serve(more = {}) {
      const served = await startProcess(ports.pop() ?? 0, { ...environment, ...more }, folder)
      processes.push(served)
      return served
    },
    async end() {
      await Promise.all(processes.map((each) => each.stop('SIGINT')))
      await collector.end()
      for (const each of [folder, dirname(site)]) rmSync(each, { recursive: true })
    },
  }
}

/** Runs a command of Django with the installed package and the tests' project, which is beside the package's source. */
const runDjango = `
import importlib.util, sys
spec = importlib.util.spec_from_file_location("tests", "${packageFolder}/tests/__init__.py")
sys.modules["tests"] = importlib.util.module_from_spec(spec)
from django.core.management import execute_from_command_line
execute_from_command_line(["django", *sys.argv[1:]])
`

async function startProcess(
  port: number,
  environment: NodeJS.ProcessEnv,
  folder: string,
): Promise<DjangoProcess> {
  const url = `http://127.0.0.1:${port}`
  const args = ['-c', runDjango, 'runserver', '--noreload', `127.0.0.1:${port}`]
  const child = spawn(python, args, { cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  await waitUntilServing(`${url}/public/`, child)
  return {
    url,
    async stop(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
  }
}

async function waitUntilServing(url: string, child: ChildProcess): Promise<void> {
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    if (await fetch(url).catch(() => undefined)) return
    await sleep(100)
  }
  child.kill('SIGKILL')
  throw new Error(`Django did not start: ${errors}`)
}
