import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { errors, SignJWT } from 'jose'
import { z } from 'zod'
import type { TicketKey } from '../domain/ticket.ts'

/** The site as which the dashboard's own sessions are audited. */
export const dashboardSite = 'lapse'

/** How long a session of the dashboard may sit idle, and how long it may last at all. */
export interface SessionLimits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds: number
  /** The grace of the verdict on such a session: its last access is stored no less precisely. */
  readonly graceSeconds?: number | undefined
}

/** A session of the dashboard as it is stored. Neither it nor its token is enough to make the cookie that opens it. */
export interface DashboardSession {
  /** SHA-256 of the cookie's value, in hexadecimal digits. */
  readonly cookieHash: string
  /** Names the session in the audit, the same for its whole life. */
  readonly alias: string
  readonly tokenId: string
  /** Signs the session's ticket, in hexadecimal digits. It opens nothing. */
  readonly ticketKey: string
  readonly signedInAt: Date
  readonly lastAccessAt: Date
  /** When it was signed out. A session that times out stays as it was. */
  readonly endedAt: Date | null
}

/** Starts a session: 256 random bits for the browser, of which only the hash is stored. */
export function createSession(tokenId: string, now: Date): { cookie: string; session: DashboardSession } {
  const cookie = randomBytes(32).toString('base64url')
  const session = {
    cookieHash: createHash('sha256').update(cookie).digest('hex'),
    alias: randomUUID(),
    tokenId,
    ticketKey: randomBytes(32).toString('hex'),
    signedInAt: now,
    lastAccessAt: now,
    endedAt: null,
  }
  return { cookie, session }
}

/** The hash by which a cookie's session is stored, or nothing if the cookie was not made here. */
export function hashCookie(cookie: string): string | undefined {
  return /^[\w-]{43}$/.test(cookie) ? createHash('sha256').update(cookie).digest('hex') : undefined
}

/** Whether a session is open at a time, epoch milliseconds of the collector's clock. */
export function isSessionOpen(session: DashboardSession, limits: SessionLimits, now: number): boolean {
  return (
    session.endedAt === null &&
    now - session.lastAccessAt.getTime() < limits.idleTimeoutSeconds * 1000 &&
    now - session.signedInAt.getTime() < limits.absoluteTimeoutSeconds * 1000
  )
}

const maxAccessAgeSeconds = 10

/**
 * Whether an access is late enough to be stored, which bounds the writes. The stored time lags by no more than the
 * verdict's grace, so a session that ends by it is still judged to have timed out.
 */
export function isAccessDue(
  { lastAccessAt }: DashboardSession,
  { idleTimeoutSeconds, graceSeconds = maxAccessAgeSeconds }: SessionLimits,
  now: number,
): boolean {
  // Half of the grace: the browser's idea of the last access is later than the collector's as well.
  const ageSeconds = Math.min(maxAccessAgeSeconds, idleTimeoutSeconds / 10, graceSeconds) / 2
  return now - lastAccessAt.getTime() >= ageSeconds * 1000
}

/** A browser keeps the report of an ended session for 30 days. */
const keptDays = 40

/** Sessions whose last access was before this time ended more than 40 days ago: nobody will report them any more. */
export function forgottenBefore({ idleTimeoutSeconds }: SessionLimits, now: number): Date {
  return new Date(now - (keptDays * 86_400 + idleTimeoutSeconds) * 1000)
}

/** The ticket of a session, for the audit of the dashboard by Lapse itself. */
export function signDashboardTicket(session: DashboardSession, limits: SessionLimits): Promise<string> {
  const { alias, tokenId, ticketKey, signedInAt } = session
  const claims = { sid: alias, idle: limits.idleTimeoutSeconds, abs: limits.absoluteTimeoutSeconds }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt', kid: alias })
    .setIssuer(dashboardSite)
    .setSubject(tokenId)
    .setIssuedAt(Math.floor(signedInAt.getTime() / 1000))
    .sign(Buffer.from(ticketKey, 'hex'))
}

const sessionClaims = z.object({ sub: z.string(), sid: z.string() })

/**
 * Finds the key of a dashboard ticket by the session that it names. The key is good for that session and its token
 * only. A session that has ended, and one whose token was revoked since, still has to be reported, so both are found.
 */
export function dashboardTicketKey(
  findSession: (alias: string) => Promise<DashboardSession | undefined>,
): TicketKey {
  return {
    alg: 'HS256',
    async key({ kid }, { payload }) {
      const session = isAlias(kid) ? await findSession(kid) : undefined
      // Comparing the claims before the signature is as good as after it: what is verified next is this very payload.
      const claims = sessionClaims.safeParse(parseJson(payload)).data
      if (!session || claims?.sub !== session.tokenId || claims.sid !== session.alias)
        throw new errors.JWKSNoMatchingKey()
      return Buffer.from(session.ticketKey, 'hex')
    },
  }
}

/** Before the signature is checked, a header holds whatever its sender likes. */
function isAlias(kid: unknown): kid is string {
  return z.uuid().safeParse(kid).success
}

function parseJson(payload: string | Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.toString(), 'base64url').toString())
  } catch {
    return undefined
  }
}
