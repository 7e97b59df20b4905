import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
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

export interface InProcessCollector extends Collector {
  readonly database: TestDatabase
  readonly store: Store
  /** What the collector logged, a JSON line each. */
  readonly logLines: string[]
  post(event: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  end(): Promise<void>
}

export function writtenConfig(database: string, changes: Partial<ConfigInput> = {}): ConfigInput {
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

export const environment = { TICKET_SECRET: ticketSecret }

/** A collector with a database of its own, migrated. */
export async function createCollector(
  server: DatabaseServer,
  changes: Partial<ConfigInput> = {},
): Promise<InProcessCollector> {
  const database = await createDatabase(server)
  const config = parseConfig(writtenConfig(database.url, changes), environment)
  const store = openStore(config.database, config.table)
  await store.schema.migrate()
  const logLines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) })
  const collector = await startCollector(config, log)
  return {
    ...collector,
    database,
    store,
    logLines,
    post: (event, headers = { Origin: origin }) => postEvent(collector.url, event, headers),
    async end() {
      await collector.close()
      await store.close()
      await database.drop()
    },
  }
}

/** Makes a token to read with, unless told otherwise. */
export async function issueToken(store: Pick<Store, 'tokens'>, changes: Partial<Token> = {}) {
  const { id, token } = mintToken()
  const none = { name: null, site: null, expiresAt: null, revokedAt: null }
  const stored: Token = { id, scope: 'read', hash: hashToken(token), createdAt: new Date(), ...none }
  await store.tokens.add({ ...stored, ...changes })
  return { id, token }
}

export function postEvent(
  url: string,
  event: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return fetch(`${url}/v1/lapses`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', ...headers },
    body: typeof event === 'string' ? event : JSON.stringify(event),
  })
}

/** An event as a browser posts it: 40 minutes after the last access, with an idle timeout of 30. */
export function eventOf(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
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
