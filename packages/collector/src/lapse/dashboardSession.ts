import { createHmac, randomUUID } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { TicketKey } from './ticket.ts'
import { isTokenLive, type Token } from './token.ts'

/** The site as which the dashboard's own sessions are audited. */
export const dashboardSite = 'lapse'

/** How long a session of the dashboard may sit idle, and how long it may last at all. */
export interface SessionLimits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds: number
}

/** Somebody who is signed in to the dashboard. It is kept nowhere but in the cookie. */
export interface DashboardSession {
  readonly token: Token
  /** An alias, the same for the session's whole life. */
  readonly id: string
  /** Epoch seconds. */
  readonly signedInAt: number
}

type FindToken = (id: string) => Promise<Token | undefined>

export function newDashboardSession(token: Token, now: number): DashboardSession {
  return { token, id: randomUUID(), signedInAt: Math.floor(now / 1000) }
}

const sessionType = 'lapse-session+jwt'
const claimsSchema = z.object({ sid: z.string(), iat: z.number() })

/**
 * The value of the session's cookie, made anew at each access: a JWT (RFC 7519) that is good for the idle timeout from
 * `now`, and never beyond the absolute timeout.
 */
export function sealSession(session: DashboardSession, limits: SessionLimits, now: number): Promise<string> {
  const { id, signedInAt, token } = session
  const until = Math.min(now / 1000 + limits.idleTimeoutSeconds, signedInAt + limits.absoluteTimeoutSeconds)
  return new SignJWT({ sid: id, iat: signedInAt, exp: until })
    .setProtectedHeader({ alg: 'HS256', typ: sessionType, kid: token.id })
    .sign(keyOf(token, sessionType))
}

/** The session that a cookie stands for, or nothing where it has ended, its token has, or it was never one. */
export async function openSession(
  cookie: string,
  findToken: FindToken,
  now: number,
): Promise<DashboardSession | undefined> {
  const token = await findToken(keyId(headerOf(cookie)))
  if (!token || !isTokenLive(token, now)) return undefined
  try {
    const { payload } = await jwtVerify(cookie, keyOf(token, sessionType), {
      algorithms: ['HS256'],
      typ: sessionType,
      requiredClaims: ['exp'],
      currentDate: new Date(now),
    })
    const { sid, iat } = claimsSchema.parse(payload)
    return { token, id: sid, signedInAt: iat }
  } catch (failure) {
    if (failure instanceof errors.JOSEError) return undefined
    throw failure
  }
}

/** The ticket of a session, for the audit of the dashboard by Lapse itself. */
export function dashboardTicket({ token, id, signedInAt }: DashboardSession, limits: SessionLimits) {
  const claims = { sid: id, idle: limits.idleTimeoutSeconds, abs: limits.absoluteTimeoutSeconds }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt', kid: token.id })
    .setIssuer(dashboardSite)
    .setSubject(token.id)
    .setIssuedAt(signedInAt)
    .sign(keyOf(token, 'lapse+jwt'))
}

/** Finds the key of such a ticket. A token that was revoked since is good for it: that session ended too. */
export function dashboardTicketKey(findToken: FindToken): TicketKey {
  return {
    alg: 'HS256',
    async key(header) {
      const token = await findToken(keyId(header))
      if (!token) throw new errors.JWKSNoMatchingKey()
      return keyOf(token, 'lapse+jwt')
    },
  }
}

/** A key of its own for each token and purpose. All replicas have it, because all have the token's hash. */
function keyOf({ hash }: Token, purpose: string): Uint8Array {
  return createHmac('sha256', Buffer.from(hash, 'hex')).update(purpose).digest()
}

function headerOf(cookie: string): object {
  try {
    return decodeProtectedHeader(cookie)
  } catch {
    return {}
  }
}

/** Before the signature is checked, a header holds whatever its sender likes. */
function keyId(header: { readonly kid?: unknown }): string {
  return typeof header.kid === 'string' ? header.kid : ''
}
