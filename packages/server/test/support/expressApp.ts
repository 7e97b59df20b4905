import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createLapseServer, type LapseServer, type LapseServerError } from '@lapse/server'
import express, { type Express, type Request } from 'express'
import session from 'express-session'
import { onTestFinished } from 'vitest'
import { startCollector, type TestCollector } from '../../../../test/collector.ts'

const ticketSecret = randomBytes(32).toString('base64url')

/** The sites of the collector: one whose sessions do not end during a test, and one whose sessions do. */
export const idleTimeoutSeconds = { acme: 600, quick: 2 }

/** A collector for applications with express-session, and a token for their reports. */
export interface ReportingSite {
  readonly collector: TestCollector
  readonly token: string
}

export async function startReportingSite(): Promise<ReportingSite> {
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  const createSite = (seconds: number) => ({
    origins: ['https://app.acme.com'],
    idleTimeoutSeconds: seconds,
    ticketKeys,
  })
  const sites = { acme: createSite(idleTimeoutSeconds.acme), quick: createSite(idleTimeoutSeconds.quick) }
  // No sweep during a test: all rows are from reports.
  const config = { sites, sweep: { everySeconds: 3600 } }
  const collector = await startCollector({ name: 'SQLite' }, config, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = await collector.runLapse('token', 'create', '--scope', 'write')
  return { collector, token: token.trim() }
}

/** Creates the id of a user whom no other test has. */
export function createUser(): string {
  return `u_${randomBytes(6).toString('hex')}`
}

/** The usual session middleware, with the memory store. */
export function createSessionMiddleware(options: Partial<session.SessionOptions> = {}) {
  return session({
    secret: 'a secret of the tests',
    rolling: true,
    resave: false,
    saveUninitialized: false,
    ...options,
  })
}

/** Replaces the session by an empty one with a new id. */
export const regenerateSession = ({ session }: Request) => promisify(session.regenerate.bind(session))()
export const destroySession = ({ session }: Request) => promisify(session.destroy.bind(session))()

/** Routes that most of the tests need. */
export function addRoutes(app: Express): void {
  app.get('/sign-in/:user', async (request, response) => {
    await regenerateSession(request)
    request.lapse.signIn(request.params.user)
    response.end()
  })
  app.get('/sign-out', async (request, response) => {
    await destroySession(request)
    response.end()
  })
  app.get('/', (request, response) => void response.send(request.lapse.tag))
}

/** An Express application that runs during a test. */
export interface RunningApp {
  readonly url: string
  readonly lapse: LapseServer
  /** The errors that Lapse has reported. */
  readonly errors: readonly LapseServerError[]
  /** Sends everything to the collector, and returns all rows of a user. */
  finish(subject: string): Promise<Record<string, unknown>[]>
  /** Reads the live sessions of a user. */
  readLiveSessions(subject: string): Promise<Record<string, unknown>[]>
}

/** Runs an application until the test has finished. */
export async function runApp(
  { collector, token }: ReportingSite,
  configure: (app: Express, lapse: LapseServer) => void,
  site: keyof typeof idleTimeoutSeconds = 'acme',
): Promise<RunningApp> {
  const errors: LapseServerError[] = []
  const lapse = createLapseServer({
    site,
    collector: collector.url,
    token,
    ticketSecret,
    idleTimeoutSeconds: idleTimeoutSeconds[site],
  }).on('error', (error) => void errors.push(error))
  const app = express()
  // Otherwise, Express prints the errors of handlers.
  app.set('env', 'test')
  configure(app, lapse)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await lapse.close()
  })
  const { port } = server.address() as AddressInfo
  const { sql } = collector.database
  return {
    url: `http://127.0.0.1:${port}`,
    lapse,
    errors,
    async finish(subject) {
      await lapse.close()
      return sql('session_audit').where({ subject }).orderBy('id')
    },
    readLiveSessions: (subject) => sql('session_live').where({ subject }),
  }
}

const stayMs = 500

/** A browser without scripts, which keeps cookies. */
export class Visitor {
  readonly #app: Pick<RunningApp, 'url'>
  readonly #cookies: Map<string, string>

  constructor(app: Pick<RunningApp, 'url'>, cookies: ReadonlyMap<string, string> = new Map()) {
    this.#app = app
    this.#cookies = new Map(cookies)
  }

  /** Creates a browser that has the same cookies. */
  copy(): Visitor {
    return new Visitor(this.#app, this.#cookies)
  }

  async fetch(path: string, signal?: AbortSignal): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(this.#app.url + path, {
      headers: { cookie },
      redirect: 'manual',
      ...(signal && { signal }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    return response
  }

  /** Signs in, and stays for a moment. */
  async signIn(user: string): Promise<void> {
    await this.fetch(`/sign-in/${user}`)
    await this.stay()
  }

  /** Waits for longer than the transit times of reports differ, so that an access is earlier than the next event. */
  async stay(): Promise<void> {
    await sleep(stayMs)
  }

  async read(path: string): Promise<string> {
    return (await this.fetch(path)).text()
  }
}
