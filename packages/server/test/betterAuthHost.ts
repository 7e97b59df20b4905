import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLapseServer, type LapseServerOptions } from '@lapse/server'
import { type LapsePluginOptions, type LapseSession, lapsePlugin } from '@lapse/server/better-auth'
import { type BetterAuthOptions, type BetterAuthPlugin, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { expect } from 'vitest'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { readStoredTime } from '../../../test/databases.ts'

export const idleTimeoutSeconds = 1800

const origin = 'http://127.0.0.1:3000'
const ticketSecret = randomBytes(32).toString('base64url')

/** A row of the audit table, with its times in epoch milliseconds. */
export interface Row {
  readonly reason: unknown
  readonly evidence: unknown
  readonly session: unknown
  readonly lastAccessAt: number
  readonly startedAt: number
}

/** What `get-session` answers. */
export interface SessionAnswer {
  readonly user: { readonly id: string }
  readonly session: { readonly id: string; readonly token: string; readonly expiresAt: string }
  readonly lapse?: LapseSession
}

/** A session as it is in better-auth's table. */
export interface StoredRow {
  readonly id: string
  readonly token: string
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly expiresAt: Date
}

export interface HostOptions extends Partial<BetterAuthOptions> {
  /** The plugins before Lapse's. */
  readonly first?: BetterAuthPlugin[]
  /** The plugins after Lapse's. */
  readonly last?: BetterAuthPlugin[]
  readonly lapseOptions?: LapsePluginOptions
  readonly lapseServerOptions?: Partial<LapseServerOptions>
}

/** A secondary storage such as Redis. */
export const storageOnly = (): HostOptions => {
  const values = new Map<string, string>()
  return {
    secondaryStorage: {
      get: async (key) => values.get(key) ?? null,
      set: async (key, value) => void values.set(key, value),
      delete: async (key) => void values.delete(key),
      increment: async () => 1,
      getAndDelete: async (key) => {
        const value = values.get(key) ?? null
        values.delete(key)
        return value
      },
    },
  }
}

/** Starts a collector for the applications of a file of tests. */
export async function startAuthCollector(): Promise<TestCollector & { readonly token: string }> {
  const acme = {
    origins: [origin],
    idleTimeoutSeconds,
    ticketKeys: [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }],
  }
  const config = { sites: { acme }, sweep: { everySeconds: 1 }, rateLimit: { requestsPerMinute: 100_000 } }
  const collector = await startCollector({ name: 'SQLite' }, config, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')
  return { ...collector, token: token.trim() }
}

export type Host = Awaited<ReturnType<typeof createHost>>

/** Creates an application with better-auth, on a new database in memory. */
export async function createHost(
  collector: { readonly url: string; readonly token: string },
  { first = [], last = [], lapseOptions, lapseServerOptions, ...options }: HostOptions = {},
) {
  const lapse = createLapseServer({
    site: 'acme',
    collector: collector.url,
    token: collector.token,
    ticketSecret,
    idleTimeoutSeconds,
    heartbeatSeconds: 1,
    ...lapseServerOptions,
  })
  const errors: Error[] = []
  lapse.on('error', (error) => errors.push(error))
  const plugin = lapsePlugin(lapse, { expiredSessions: false, ...lapseOptions })
  const authOptions: BetterAuthOptions = {
    baseURL: origin,
    secret: ticketSecret,
    database: new DatabaseSync(':memory:'),
    emailAndPassword: { enabled: true, password: plainPasswords },
    user: { deleteUser: { enabled: true } },
    session: { expiresIn: idleTimeoutSeconds, updateAge: 60 },
    telemetry: { enabled: false },
    // Some tests make better-auth complain.
    logger: { disabled: true },
    rateLimit: { enabled: false },
    // The tests know a user by the id that they choose.
    databaseHooks: { user: { create: { before: async (user) => ({ data: { ...user, id: user.name } }) } } },
    ...options,
    plugins: [...first, plugin, ...last],
  }
  const auth = betterAuth(authOptions)
  const unwatched = betterAuth({ ...authOptions, plugins: [...first, ...last] })
  // The adapter that keeps everything in memory has no tables.
  if (typeof authOptions.database !== 'function') await (await getMigrations(auth.options)).runMigrations()
  const { adapter, internalAdapter } = await auth.$context
  const listRows = (userId: string) =>
    adapter.findMany<StoredRow>({ model: 'session', where: [{ field: 'userId', value: userId }] })
  return {
    auth,
    lapse,
    errors,
    internalAdapter,
    listRows,
    openBrowser: () => new AuthBrowser(auth.handler),
    /** Opens a browser whose requests are not reported, so that `age` contradicts no report. */
    openUnwatchedBrowser: () => new AuthBrowser(unwatched.handler),
    /** Continues with reports. */
    watch: (browser: AuthBrowser) => browser.connect(auth.handler),
    /** Moves all times of a user's sessions into the past. */
    async age(userId: string, seconds: number) {
      const move = (time: Date) => new Date(time.getTime() - seconds * 1000)
      for (const { id, createdAt, updatedAt, expiresAt } of await listRows(userId)) {
        const times = { createdAt: move(createdAt), updatedAt: move(updatedAt), expiresAt: move(expiresAt) }
        await adapter.update({ model: 'session', where: [{ field: 'id', value: id }], update: times })
      }
    },
    /** Waits until the collector has stored what was reported so far. */
    async settle() {
      for (let attempt = 0; attempt < 500 && lapse.health().queued > 0; attempt++) await sleep(20)
    },
    async close() {
      plugin.stop()
      await lapse.close()
    },
  }
}

/** Hashing takes most of the time of these tests otherwise. */
const plainPasswords = {
  hash: async (password: string) => password,
  verify: async ({ hash, password }: { hash: string; password: string }) => hash === password,
}

type Handler = (request: Request) => Promise<Response>

/** A browser, as far as better-auth's endpoints are concerned: it keeps cookies. */
export class AuthBrowser {
  readonly cookies = new Map<string, string>()
  #handler: Handler

  constructor(handler: Handler) {
    this.#handler = handler
  }

  connect(handler: Handler): void {
    this.#handler = handler
  }

  get headers(): Headers {
    return new Headers({ Cookie: [...this.cookies].map((cookie) => cookie.join('=')).join('; ') })
  }

  async get<Body>(path: string): Promise<Body> {
    return (await (await this.#send(path, { method: 'GET' })).json()) as Body
  }

  async post(path: string, body: object = {}): Promise<Response> {
    return this.#send(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
  }

  getSession(): Promise<SessionAnswer | null> {
    return this.get('/get-session')
  }

  async signUp(user: string): Promise<SessionAnswer> {
    await this.post('/sign-up/email', { ...createCredentials(user), name: user })
    return this.expectSession()
  }

  async signIn(user: string, options: object = {}): Promise<SessionAnswer> {
    await this.post('/sign-in/email', { ...createCredentials(user), ...options })
    return this.expectSession()
  }

  async expectSession(): Promise<SessionAnswer> {
    const session = await this.getSession()
    if (!session) throw new Error('There is no session.')
    return session
  }

  async #send(path: string, { headers, ...init }: RequestInit): Promise<Response> {
    const allHeaders = { ...headers, Origin: origin, ...Object.fromEntries(this.headers) }
    const response = await this.#handler(
      new Request(`${origin}/api/auth${path}`, { ...init, headers: allHeaders }),
    )
    for (const text of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? []
      if (/max-age=0/i.test(text)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }
}

export const password = 'correct horse'

function createCredentials(user: string): { readonly email: string; readonly password: string } {
  return { email: `${user}@example.com`, password }
}

export function createUserId(): string {
  return `u_${randomBytes(6).toString('hex')}`
}

/** Reads the current rows of a user, in the order of their sessions' starts. */
export async function readRows({ database }: TestCollector, subject: string): Promise<Row[]> {
  const rows: Record<string, unknown>[] = await database
    .sql('session_audit')
    .where({ subject })
    .orderBy('started_at')
  const superseded = new Set(rows.map(({ supersedes }) => supersedes))
  return rows
    .filter(({ id }) => !superseded.has(id))
    .map(({ reason, evidence, session, last_access_at, started_at }) => ({
      reason,
      evidence,
      session,
      lastAccessAt: readStoredTime(last_access_at),
      startedAt: readStoredTime(started_at),
    }))
}

/** Runs a scenario, and returns the rows of the user after everything has been sent. */
export async function runScenario(
  collector: TestCollector & { readonly token: string },
  options: HostOptions,
  scenario: (host: Host, user: string) => Promise<void>,
): Promise<Row[]> {
  const user = createUserId()
  const host = await createHost(collector, options)
  await scenario(host, user)
  await host.close()
  expect(host.errors).toEqual([])
  return readRows(collector, user)
}

/** Opens the browser of an administrator, for better-auth's admin plugin. */
export async function openAdminBrowser({ openBrowser, internalAdapter }: Host): Promise<AuthBrowser> {
  const browser = openBrowser()
  const { user } = await browser.signUp(createUserId())
  await internalAdapter.updateUser(user.id, { role: 'admin' })
  return browser
}
