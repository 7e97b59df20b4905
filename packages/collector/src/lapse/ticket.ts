import { errors, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import { LapseError } from './error.ts'
import { opaque } from './event.ts'

/** What a verified ticket says of a session. A signed claim beats the same field of the event. */
export interface TicketClaims {
  readonly subject: string
  readonly session: string | undefined
  readonly idleTimeoutSeconds: number | undefined
  readonly absoluteTimeoutSeconds: number | undefined
  /** The sign-in: epoch milliseconds of the host's clock. */
  readonly issuedAt: number
}

/** A key with which a site's tickets are verified. */
export interface TicketKey {
  readonly alg: 'HS256'
  readonly secret: string
}

const seconds = z
  .int()
  .positive()
  .max(400 * 86_400)

const claimsSchema = z.object({
  sub: opaque(255),
  sid: opaque(255).optional(),
  iat: z.number(),
  idle: seconds.optional(),
  abs: seconds.optional(),
})

interface TicketContext {
  readonly site: string
  /** Several at a time, so that keys can rotate. */
  readonly keys: readonly TicketKey[]
  /** Epoch milliseconds by which `exp` and `iat` are checked. */
  readonly now: number
}

/**
 * Verifies a ticket: a JWT (RFC 7519) with `typ: lapse+jwt`, signed by one of the site's keys.
 *
 * @throws {LapseError} `ticket-refused` for whatever does not verify: it is never taken as an unsigned claim.
 */
export async function verifyTicket(ticket: string, context: TicketContext): Promise<TicketClaims> {
  const payload = await verifyWithAnyKey(ticket, context)
  const claims = claimsSchema.safeParse(payload)
  if (!claims.success) {
    const names = claims.error.issues.map(({ path }) => path.join('.'))
    throw refused(`its claims are not valid: ${names.join(', ')}`, claims.error)
  }
  const { sub, sid, iat, idle, abs } = claims.data
  return {
    subject: sub,
    session: sid,
    idleTimeoutSeconds: idle,
    absoluteTimeoutSeconds: abs,
    issuedAt: iat * 1000,
  }
}

async function verifyWithAnyKey(ticket: string, { site, keys, now }: TicketContext): Promise<JWTPayload> {
  let failure: unknown
  for (const { alg, secret } of keys) {
    try {
      const verified = await jwtVerify(ticket, new TextEncoder().encode(secret), {
        algorithms: [alg],
        typ: 'lapse+jwt',
        issuer: site,
        requiredClaims: ['sub', 'iat'],
        clockTolerance: 60,
        currentDate: new Date(now),
      })
      return verified.payload
    } catch (error) {
      failure = error
    }
  }
  if (failure instanceof errors.JWSSignatureVerificationFailed) {
    throw refused(`no key of the site "${site}" made its signature`, failure)
  }
  if (failure instanceof errors.JOSEError) throw refused(`${failure.message} (${failure.code})`, failure)
  throw refused(`the site "${site}" has no ticket keys`, failure)
}

function refused(why: string, cause: unknown): LapseError {
  return new LapseError(
    'ticket-refused',
    `The ticket was refused: ${why}. Sign in again, or mend the site's keys.`,
    {
      cause,
    },
  )
}
