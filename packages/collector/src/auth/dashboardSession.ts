import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { errors, SignJWT } from 'jose'
import { z } from 'zod'
import { daySeconds } from '../domain/durations.ts'
import { computeDefaultGraceSeconds } from '../domain/limits.ts'
import { parseJson } from '../domain/text/parseJson.ts'
import type { TicketKey } from '../domain/ticket.ts'

/** The site whose rows audit the dashboard's own sessions. */
export const dashboardSite = 'lapse'

/** The limits of dashboard sessions. */
export interface SessionLimits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds: number
  /** The grace period of the site's verdicts. Last accesses are stored at least as precisely. */
  readonly graceSeconds?: number | undefined
}

/** A stored dashboard session. It does not contain the cookie, so reading it is not enough to use the session. */
export interface DashboardSession {
  /** The SHA-256 hash of the cookie's value, in hexadecimal. */
  readonly cookieHash: string
  /** Identifies the session in the audit. */
  readonly alias: string
  readonly tokenId: string
  /** The key that signs the session's ticket, in hexadecimal. It grants no access. */
  readonly ticketKey: string
  readonly signedInAt: Date
  readonly lastAccessAt: Date
  /** When the user signed out. A timeout does not change the stored session. */
  readonly endedAt: Date | null
}

/** Creates a session. The cookie is 256 random bits. Only its hash is stored. */
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

/** @returns the hash that identifies the cookie's session in the database, or undefined if the cookie is malformed. */
export function hashCookie(cookie: string): string | undefined {
  return /^[\w-]{43}$/.test(cookie) ? createHash('sha256').update(cookie).digest('hex') : undefined
}

/** @param now epoch milliseconds of the collector's clock. */
export function isSessionOpen(session: DashboardSession, limits: SessionLimits, now: number): boolean {
  return (
    session.endedAt === null &&
    now - session.lastAccessAt.getTime() < limits.idleTimeoutSeconds * 1000 &&
    now - session.signedInAt.getTime() < limits.absoluteTimeoutSeconds * 1000
  )
}

/**
 * Returns whether an access must be stored. To limit the number of writes, not every access is. The stored time lags by
 * less than the grace period, so a session that times out early because of it is still judged as a timeout.
 */
export function isAccessDue(
  { lastAccessAt }: DashboardSession,
  { idleTimeoutSeconds, graceSeconds = Number.POSITIVE_INFINITY }: SessionLimits,
  now: number,
): boolean {
  // Half of the grace period: the browser's own last access is also later than the collector's.
  const ageSeconds = Math.min(computeDefaultGraceSeconds(idleTimeoutSeconds), graceSeconds) / 2
  return now - lastAccessAt.getTime() >= ageSeconds * 1000
}

/** Browsers keep an unconfirmed report for 30 days. Ten more are a margin. */
const sessionRetentionDays = 40

/** Sessions last used before this time are deleted, because no browser will report their end any more. */
export function computeSessionCutoff({ idleTimeoutSeconds }: SessionLimits, now: number): Date {
  return new Date(now - (sessionRetentionDays * daySeconds + idleTimeoutSeconds) * 1000)
}

/** Signs the ticket of a dashboard session, which the dashboard passes to the client. */
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
 * Creates the key that verifies dashboard tickets. It looks up the session that the ticket names, whose key is valid
 * only for that session and its token. Ended sessions and revoked tokens count too, because their ends still have to be
 * reported.
 */
export function createDashboardTicketKey(
  findSession: (alias: string) => Promise<DashboardSession | undefined>,
): TicketKey {
  return {
    alg: 'HS256',
    async key({ kid }, { payload }) {
      const session = isAlias(kid) ? await findSession(kid) : undefined
      // The claims can be compared before the signature is verified, because the same payload is verified next.
      const claims = sessionClaims.safeParse(decodePayload(payload)).data
      if (!session || claims?.sub !== session.tokenId || claims.sid !== session.alias)
        throw new errors.JWKSNoMatchingKey()
      return Buffer.from(session.ticketKey, 'hex')
    },
  }
}

/** Until the signature is verified, the header can contain anything. */
function isAlias(kid: unknown): kid is string {
  return z.uuid().safeParse(kid).success
}

function decodePayload(payload: string | Uint8Array): unknown {
  return parseJson(Buffer.from(payload.toString(), 'base64url').toString())
}
