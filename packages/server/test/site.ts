import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLapseServer, type LapseServer } from '@lapse/server'
import { expect } from 'vitest'
import { startCollector } from '../../../test/collector.ts'
import { readStoredTime } from '../../../test/databases.ts'
import type { CookieJar } from './cookieJar.ts'

type Row = Readonly<Record<string, unknown>>

/** A collector with one site, and the server that reports to it. */
export interface TestSite {
  readonly lapse: LapseServer
  /** The messages of all errors that were reported so far. */
  readonly errors: readonly string[]
  /** Reads what is known about a user: live sessions and current rows. Times are epoch milliseconds. */
  readLive(subject: string): Promise<Row[]>
  readRows(subject: string): Promise<Row[]>
  end(): Promise<void>
}

/** Starts a collector whose site has an idle timeout of 30 minutes, so that nothing expires during a test. */
export async function startSite(): Promise<TestSite> {
  const secret = randomBytes(32).toString('base64url')
  const acme = {
    origins: ['https://app.acme.com'],
    idleTimeoutSeconds: 1800,
    ticketKeys: [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }],
  }
  const collector = await startCollector(
    { name: 'SQLite' },
    // The sweep would record what the server should report.
    { sites: { acme }, sweep: { everySeconds: 3600 } },
    { LAPSE_TICKET_SECRET: secret },
  )
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')
  const lapse = createLapseServer({
    site: 'acme',
    collector: collector.url,
    token,
    ticketSecret: secret,
    idleTimeoutSeconds: 1800,
    heartbeatSeconds: 0.1,
  })
  const errors: string[] = []
  lapse.on('error', ({ message }) => errors.push(message))
  const read = async (table: string, subject: string) =>
    (await collector.database.sql(table).where({ subject })).map(convertTimes)
  return {
    lapse,
    errors,
    readLive: (subject) => read('session_live', subject),
    readRows: (subject) => read('session_audit', subject),
    async end() {
      await lapse.close()
      await collector.end()
    },
  }
}

function convertTimes(row: Row): Row {
  const convert = (name: string, value: unknown) =>
    name.endsWith('_at') && value !== null ? readStoredTime(value) : value
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, convert(name, value)]))
}

let users = 0

/** Creates the id of a user whom no other test knows. */
export const createUser = () => `u_${++users}`

/** Signs in a user, and waits until the collector knows the session. */
export async function signIn(site: TestSite, { request }: CookieJar): Promise<string> {
  const user = createUser()
  await request(`/sign-in?user=${user}`)
  await expect.poll(() => site.readLive(user)).toHaveLength(1)
  return user
}

/** Only waiting shows that nothing was reported. */
export const waitForReports = () => sleep(500)
