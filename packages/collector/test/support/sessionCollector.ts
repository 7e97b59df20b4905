import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { DatabaseServer } from '../../../../test/servers.ts'
import type { ConfigInput } from '../../src/index.ts'
import {
  createCollector,
  environment,
  type InProcessCollector,
  issueToken,
  origin,
  postActivity,
} from './collector.ts'

export const minute = 60_000

type Fields = Readonly<Record<string, unknown>>
type StoredRow = Record<string, unknown>

/** A collector with helpers that report and look up sessions. */
export interface SessionCollector extends InProcessCollector {
  /** The token of a server. */
  readonly token: string
  postActivity(report: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** Reports from a browser that a session was used. Resolves to the status. */
  use(report: Fields): Promise<number>
  /** Reports from a server that a session was used. */
  useByServer(report: Fields): Promise<number>
  endSession(report: Fields): Promise<Answer>
  endSessionByServer(report: Fields): Promise<Answer>
  findLive(sessionKey: unknown): Promise<StoredRow | undefined>
  /** The rows of a session, oldest first. */
  findRows(sessionKey: unknown): Promise<StoredRow[]>
}

interface Answer {
  readonly status: number
  readonly body: StoredRow
}

const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
const site = { origins: [origin], idleTimeoutSeconds: 1800, ticketKeys }

/** The sites of `createSessionCollector`: `recording` records logouts, `signed` requires tickets. */
const sites = {
  acme: site,
  recording: { ...site, recordLogouts: true },
  signed: { ...site, requireTicket: true },
  limited: { ...site, absoluteTimeoutSeconds: 3600 },
}

export async function createSessionCollector(
  server: DatabaseServer,
  changes: Partial<ConfigInput> = {},
): Promise<SessionCollector> {
  const collector = await createCollector(server, { sites, ...changes })
  const { token } = await issueToken(collector.store, { scope: 'write' })
  return addHelpers(collector, token)
}

export function addHelpers(collector: InProcessCollector, token: string): SessionCollector {
  const asServer = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const post = (report: unknown, headers: Readonly<Record<string, string>> = { Origin: origin }) =>
    postActivity(collector.url, report, headers)
  const read = async (response: Response): Promise<Answer> => ({
    status: response.status,
    body: await response.json(),
  })
  return {
    ...collector,
    token,
    postActivity: post,
    use: async (report) => (await post(report)).status,
    useByServer: async (report) => (await post({ site: 'acme', ...report }, asServer)).status,
    endSession: async (report) => read(await collector.post(report)),
    endSessionByServer: async (report) => read(await collector.post({ site: 'acme', ...report }, asServer)),
    findLive: (sessionKey) =>
      collector.database
        .sql('session_live')
        .where({ session_key: String(sessionKey) })
        .first(),
    findRows: (sessionKey) =>
      collector.database
        .sql('session_audit')
        .where({ session_key: String(sessionKey) })
        .orderBy('id'),
  }
}

/** Creates the report of a browser that a session was used a minute ago. */
export function createActivity(changes: Fields = {}): Record<string, unknown> {
  const now = Date.now()
  return {
    site: 'acme',
    marker: randomUUID(),
    session: `alias-${randomUUID()}`,
    subject: 'u_42',
    startedAt: now - 60 * minute,
    lastAccessAt: now - minute,
    sentAt: now,
    client: '1.0.0',
    ...changes,
  }
}

/** Creates the report of a browser that the session of an activity report has ended now. */
export function createEnd(activity: Fields, changes: Fields = {}): Record<string, unknown> {
  const now = Date.now()
  const { heartbeatSeconds, ...session } = activity
  return {
    ...session,
    detectedAt: now,
    sentAt: now,
    detectedBy: 'login_page',
    browserRestarted: false,
    ...changes,
  }
}

interface TicketClaims {
  readonly iss?: string
  readonly sub?: string
  readonly sid?: unknown
  readonly idle?: number
  readonly abs?: number
  /** Seconds from now, like `iat`. */
  readonly exp?: number
  readonly iat?: number
}

/** Signs a ticket of a sign-in an hour ago. */
export function signTicket({
  exp,
  iat = -3600,
  iss = 'acme',
  sub = 'u_42',
  ...claims
}: TicketClaims): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const ticket = new SignJWT({ iss, sub, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuedAt(now + iat)
  if (exp !== undefined) ticket.setExpirationTime(now + exp)
  return ticket.sign(new TextEncoder().encode(environment.TICKET_SECRET))
}
