import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../test/databases.ts'
import { type DatabaseServer, freePort } from '../../../test/servers.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))

/** Debian's Python, which has Debian's Django. */
const python = '/usr/bin/python3'

/** The ways in which the example finds a lapse, and its limit on an idle session, in seconds. */
const variants = {
  script: { LAPSE_SCRIPT: '1', SESSION_COOKIE_AGE: '3' },
  /** So long that no session reaches it, however slow the machine. */
  scriptLong: { LAPSE_SCRIPT: '1', SESSION_COOKIE_AGE: '60' },
  middleware: { LAPSE_SCRIPT: '0', SESSION_COOKIE_AGE: '3' },
} as const
export type Variant = keyof typeof variants

/** The example as its README sets it up, each variant by a server of its own. */
export interface Stage {
  readonly user: { readonly id: string; readonly name: string; readonly password: string }
  readonly collector: TestCollector
  readonly database: TestDatabase
  urlOf(variant: Variant): string
  /** Runs a command of manage.py, and gives what it prints; throws when it fails. */
  manage(...args: readonly string[]): Promise<string>
  end(): Promise<void>
}

/** @throws when Django is not installed, or the example cannot be set up. */
export async function createStage(server: DatabaseServer): Promise<Stage> {
  await findDjango()
  const ports = { script: await freePort(), scriptLong: await freePort(), middleware: await freePort() }
  const urlOf = (variant: Variant) => `http://127.0.0.1:${ports[variant]}`
  const names = Object.keys(variants) as Variant[]
  const user = { id: '1', name: 'tester', password: randomBytes(16).toString('hex') }

  const ticketSecret = randomBytes(32).toString('hex')
  const { sites } = JSON.parse(readFileSync(`${folder}lapse.config.json`, 'utf8'))
  const idleTimeoutSeconds = Number(variants.middleware.SESSION_COOKIE_AGE)
  Object.assign(sites.acme, { origins: names.map(urlOf), idleTimeoutSeconds })
  const collector = await startCollector(server, { sites }, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = await collector.lapse('token', 'create', '--scope', 'write', '--site', 'acme')

  const database = await createDatabase(server)
  const { hostname, port, username, password, pathname } = new URL(database.url)
  const environment = {
    ...process.env,
    ...variants.script,
    DJANGO_DEBUG: '1',
    DJANGO_SECRET_KEY: randomBytes(32).toString('hex'),
    DJANGO_SUPERUSER_PASSWORD: user.password,
    DATABASE_HOST: hostname,
    DATABASE_PORT: port,
    DATABASE_NAME: pathname.slice(1),
    DATABASE_USER: username,
    DATABASE_PASSWORD: password,
    LAPSE_COLLECTOR: collector.url,
    LAPSE_TICKET_SECRET: ticketSecret,
    LAPSE_TOKEN: token.trim(),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  async function manage(...args: readonly string[]): Promise<string> {
    const options = { cwd: folder, env: environment }
    const { stdout, stderr } = await promisify(execFile)(python, ['manage.py', ...args], options)
    return stdout + stderr
  }
  await manage('migrate')
  const columns = ['user_id=subject', 'event=reason', 'at=expired_at'].flatMap((pair) => ['--set', pair])
  const table = `${pathname.slice(1)}.audit`
  await collector.lapse('mirror', '--table', table, ...columns, '--where', 'reason=idle_timeout')
  const account = ['--username', user.name, '--email', 'tester@example.com']
  await manage('createsuperuser', '--noinput', ...account)

  const djangos: ChildProcess[] = []
  async function startDjango(variant: Variant): Promise<void> {
    // Without the server for static files, a request for one goes through the middleware.
    const statics = variant === 'middleware' ? ['--nostatic'] : []
    const args = ['manage.py', 'runserver', '--noreload', ...statics, `127.0.0.1:${ports[variant]}`]
    const env = { ...environment, ...variants[variant] }
    const django = spawn(python, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    djangos.push(django)
    await isServing(urlOf(variant), django)
  }
  const stage: Stage = {
    user,
    collector,
    database,
    urlOf,
    manage,
    async end() {
      await Promise.all(djangos.map(end))
      await collector.end()
      await database.drop()
    },
  }
  try {
    await Promise.all(names.map(startDjango))
  } catch (error) {
    await stage.end()
    throw error
  }
  return stage
}

async function findDjango(): Promise<void> {
  await promisify(execFile)(python, ['-c', 'import django, jwt, MySQLdb']).catch((cause: unknown) => {
    const message = `${python} does not find Django, PyJWT or mysqlclient. "npm run setup" installs them, or says what to install.`
    throw new Error(message, { cause })
  })
}

async function isServing(url: string, django: ChildProcess): Promise<void> {
  let errors = ''
  django.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (let attempt = 0; attempt < 900 && django.exitCode === null; attempt++) {
    if (await fetch(`${url}/favicon.ico`).catch(() => undefined)) return
    await sleep(100)
  }
  throw new Error(`Django did not start: ${errors}`)
}

async function end(django: ChildProcess): Promise<void> {
  if (django.exitCode !== null || django.signalCode !== null) return
  django.kill()
  await once(django, 'exit')
}
