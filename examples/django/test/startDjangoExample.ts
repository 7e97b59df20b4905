import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../test/databases.ts'
import { installPackage, python, run } from '../../../test/django/python.ts'
import { type DatabaseServer, findFreePort } from '../../../test/servers.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))

/**
 * The example's variants, with their idle timeout in seconds. They report no activity, so that each end is found by what
 * the variant is about, and never first by the collector.
 */
const variants = {
  script: { LAPSE_SCRIPT: '1', SESSION_COOKIE_AGE: '3', LAPSE_HEARTBEAT_SECONDS: '0' },
  /** Long enough that no session expires on a slow machine. */
  scriptLong: { LAPSE_SCRIPT: '1', SESSION_COOKIE_AGE: '60', LAPSE_HEARTBEAT_SECONDS: '0' },
  middleware: { LAPSE_SCRIPT: '0', SESSION_COOKIE_AGE: '3', LAPSE_HEARTBEAT_SECONDS: '0' },
} as const
export type Variant = keyof typeof variants

/** The example, set up as in its README, with one Django server for each variant. */
export interface DjangoExample {
  readonly user: { readonly id: string; readonly name: string; readonly password: string }
  readonly collector: TestCollector
  readonly database: TestDatabase
  readonly urls: Readonly<Record<Variant, string>>
  /** Runs a command of manage.py and returns its output. Throws if it fails. */
  runManage(...args: readonly string[]): Promise<string>
  end(): Promise<void>
}

/** @throws if Django is not installed or the example cannot be set up. */
export async function startDjangoExample(server: DatabaseServer): Promise<DjangoExample> {
  const site = await installPackage()
  const ports = {
    script: await findFreePort(),
    scriptLong: await findFreePort(),
    middleware: await findFreePort(),
  }
  const urls = {
    script: `http://127.0.0.1:${ports.script}`,
    scriptLong: `http://127.0.0.1:${ports.scriptLong}`,
    middleware: `http://127.0.0.1:${ports.middleware}`,
  }
  const user = { id: '1', name: 'tester', password: randomBytes(16).toString('hex') }

  const ticketSecret = randomBytes(32).toString('hex')
  const { sites } = JSON.parse(readFileSync(`${folder}lapse.config.json`, 'utf8'))
  const idleTimeoutSeconds = Number(variants.middleware.SESSION_COOKIE_AGE)
  Object.assign(sites.acme, { origins: Object.values(urls), idleTimeoutSeconds })
  const collector = await startCollector(server, { sites }, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')

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
    PYTHONPATH: site,
  }
  async function manage(...args: readonly string[]): Promise<string> {
    const options = { cwd: folder, env: environment }
    const { stdout, stderr } = await run(python, ['manage.py', ...args], options)
    return stdout + stderr
  }
  await manage('migrate')
  const columns = ['user_id=subject', 'event=reason', 'at=expired_at'].flatMap((pair) => ['--set', pair])
  const table = `${pathname.slice(1)}.audit`
  await collector.runLapse('mirror', '--table', table, ...columns, '--where', 'reason=idle_timeout')
  const account = ['--username', user.name, '--email', 'tester@example.com']
  await manage('createsuperuser', '--noinput', ...account)

  const processes: ChildProcess[] = []
  async function startDjango(variant: Variant): Promise<void> {
    // With --nostatic, requests for static files pass through the middleware.
    const noStatic = variant === 'middleware' ? ['--nostatic'] : []
    const args = ['manage.py', 'runserver', '--noreload', ...noStatic, `127.0.0.1:${ports[variant]}`]
    const env = { ...environment, ...variants[variant] }
    const child = spawn(python, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    processes.push(child)
    await waitUntilServing(urls[variant], child)
  }
  const example: DjangoExample = {
    user,
    collector,
    database,
    urls,
    runManage: manage,
    async end() {
      await Promise.all(processes.map(stop))
      await collector.end()
      await database.drop()
      rmSync(dirname(site), { recursive: true })
    },
  }
  try {
    await Promise.all([startDjango('script'), startDjango('scriptLong'), startDjango('middleware')])
  } catch (error) {
    await example.end()
    throw error
  }
  return example
}

/** Adds an expired session that is signed with the application's key, or with another one. */
export function addExpiredSession(
  { runManage: manage }: DjangoExample,
  key: string,
  data: object,
  secretKey = '',
): Promise<string> {
  const code = `
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import override_settings
from django.utils import timezone
with override_settings(SECRET_KEY="${secretKey}" or settings.SECRET_KEY):
    data = SessionStore().encode(${JSON.stringify(data)})
expired_at = timezone.now() - timezone.timedelta(hours=1)
Session.objects.create(session_key="${key}", session_data=data, expire_date=expired_at)
`
  return manage('shell', '--command', code)
}

/** Signs a marker of the middleware that is older than its cookie's maximum age. */
export async function signOutdatedMarker({ runManage: manage }: DjangoExample): Promise<string> {
  const code = `
from time import time
from unittest.mock import patch
from django.core import signing
from lapse_django.marker import COOKIE, MAX_AGE_SECONDS
signed_at = time() - MAX_AGE_SECONDS - 60
marker = {"session": "a1f", "subject": "1", "startedAt": 0, "lastAccessAt": 0}
with patch("time.time", return_value=signed_at):
    print(signing.dumps(marker, salt=COOKIE))
`
  return (await manage('shell', '--command', code)).trim()
}

async function waitUntilServing(url: string, child: ChildProcess): Promise<void> {
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (let attempt = 0; attempt < 900 && child.exitCode === null; attempt++) {
    if (await fetch(`${url}/favicon.ico`).catch(() => undefined)) return
    await sleep(100)
  }
  throw new Error(`Django did not start: ${errors}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}
