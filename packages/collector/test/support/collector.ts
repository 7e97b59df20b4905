import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, inject } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { hashToken, mintToken, type Token } from '../../src/auth/token.ts'
import {
  type Collector,
  type ConfigInput,
  openStore,
  parseConfig,
  type Store,
  startCollector,
} from '../../src/index.ts'

export const origin = 'https://app.acme.com'
const ticketSecret = 'a secret of the tests, 32 bytes or more'

/** Collectors that are still stopping, because they answer for half a second after the signal. */
const endings: Promise<void>[] = []
afterAll(async () => {
  await Promise.all(endings)
})

export interface InProcessCollector extends Collector {
  readonly database: TestDatabase
  readonly store: Store
  /** What the collector has logged. Each line is JSON. */
  readonly logLines: string[]
  post(report: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** Stops the collector and deletes its database: in the background, unless the test stops the server afterwards. */
  end(): Promise<void>
}

/** Creates the configuration of a collector with two sites: `acme`, and `signed`, which requires tickets. */
export function createConfig(database: string, changes: Partial<ConfigInput> = {}): ConfigInput {
  return {
    database,
    listen: { port: 0 },
    rateLimit: false,
    sites: {
      acme: { origins: [origin], idleTimeoutSeconds: 1800, absoluteTimeoutSeconds: 43_200 },
      signed: {
        origins: [origin],
        idleTimeoutSeconds: 1800,
        requireTicket: true,
        ticketKeys: [{ alg: 'HS256', secret: 'env:TICKET_SECRET' }],
      },
    },
    ...changes,
  }
}

/** Signs webhooks in tests. */
export const webhookSecret = 'whsec_YSBzZWNyZXQgb2YgdGhlIHRlc3RzLCAzMiBieXRlcw=='

/** The environment variables that the configuration names. */
export const environment = { TICKET_SECRET: ticketSecret, WEBHOOK_SECRET: webhookSecret }

/**
 * Creates a collector with its own, migrated database.
 *
 * @param fill inserts rows before the collector starts, which remembers for a while what it has read.
 */
export async function createCollector(
  server: DatabaseServer,
  changes: Partial<ConfigInput> = {},
  fill: (sql: TestDatabase['sql']) => Promise<void> = async () => {},
): Promise<InProcessCollector> {
  const database = await createDatabase(server)
  const config = parseConfig(createConfig(database.url, changes), environment)
  const store = openStore(config.database, config.table)
  await store.schema.migrate()
  await fill(database.sql)
  const logLines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) })
  const collector = await startCollector(config, log)
  return {
    ...collector,
    database,
    store,
    logLines,
    post: (report, headers = { Origin: origin }) => postReport(collector.url, report, headers),
    async end() {
      const ending = collector
        .close()
        .then(() => store.close())
        .then(() => database.drop())
      if (inject('databaseServers').some(({ url }) => url === server.url)) endings.push(ending)
      else await ending
    },
  }
}

/** Stores a new token. Its scope is `read` unless `changes` contains another one. */
export async function issueToken(store: Pick<Store, 'tokens'>, changes: Partial<Token> = {}) {
  const { id, token } = mintToken()
  const none = { name: null, site: null, expiresAt: null, revokedAt: null }
  const stored: Token = { id, scope: 'read', hash: hashToken(token), createdAt: new Date(), ...none }
  await store.tokens.add({ ...stored, ...changes })
  return { id, token }
}

export function postReport(
  url: string,
  report: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return postTo(`${url}/v1/lapses`, report, headers)
}

export function postActivity(
  url: string,
  report: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return postTo(`${url}/v1/activity`, report, headers)
}

function postTo(url: string, report: unknown, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', ...headers },
    body: typeof report === 'string' ? report : JSON.stringify(report),
  })
}

/** Creates an end report of a browser, 40 minutes after the last access. The idle timeout of the site is 30 minutes. */
export function createReport(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const now = Date.now()
  return {
    site: 'acme',
    marker: randomUUID(),
    startedAt: now - 60 * 60_000,
    lastAccessAt: now - 40 * 60_000,
    detectedAt: now,
    sentAt: now,
    session: `alias-${randomUUID()}`,
    subject: 'u_42',
    detectedBy: 'login_page',
    browserRestarted: false,
    client: '1.0.0',
    ...changes,
  }
}
