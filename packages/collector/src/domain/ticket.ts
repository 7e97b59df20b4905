import { type CryptoKey, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { opaqueId } from './endReport.ts'
import { LapseError } from './errors.ts'
import { describeTicketFault, TooManyKeysError } from './ticketFault.ts'
import { validate } from './validation/validate.ts'

/** What a verified ticket says of a session. A signed claim beats the same field of the event. */
export interface TicketClaims {
  readonly subject: string
  readonly session: string | undefined
  readonly idleTimeoutSeconds: number | undefined
  readonly absoluteTimeoutSeconds: number | undefined
  /** The sign-in: epoch milliseconds of the host's clock. */
  readonly issuedAt: number
}

/** The algorithms that a site may choose from (RFC 7518, section 3.1; RFC 8037). */
export const publicKeyAlgorithms = ['EdDSA', 'ES256', 'RS256'] as const
export type TicketAlgorithm = 'HS256' | (typeof publicKeyAlgorithms)[number]

/** A key with which a site's tickets are verified. Its algorithm is the site's choice, never the ticket's. */
export interface TicketKey {
  readonly alg: TicketAlgorithm
  /** The key itself, or what finds it in a JWK set by the ticket's `kid`. */
  readonly key: CryptoKey | JWTVerifyGetKey
}

const seconds = z
  .int()
  .positive()
  .max(400 * 86_400)

const claimsSchema = z.object({
  sub: opaqueId,
  sid: opaqueId.optional(),
  iat: z.number(),
  idle: seconds.optional(),
  abs: seconds.optional(),
})

const clockToleranceSeconds = 60

/** The year 5138 in seconds, or 1973 in milliseconds. */
const maxIssuedAt = 1e11
/** In characters. A body from a browser holds no longer one. */
const maxTicketLength = 8_192
/** How many keys of a set are tried for one ticket, when its `kid` does not name one of them. */
const maxCandidates = 10

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
 * `unavailable` when the keys could not be fetched, which says nothing of the ticket.
 */
export async function verifyTicket(ticket: string, context: TicketContext): Promise<TicketClaims> {
  if (ticket.length > maxTicketLength)
    throw refused(`it is longer than ${maxTicketLength} characters`, undefined)
  const payload = await verifyWithAnyKey(ticket, context)
  const claims = validate(claimsSchema, payload)
  if (!claims.success) {
    const wrong = claims.faults.map(({ path, detail }) => `its claim ${path.join('.')} ${detail}`)
    throw refused(wrong.join('; '), undefined)
  }
  const { sub, sid, iat, idle, abs } = claims.data
  if (iat > maxIssuedAt)
    throw refused('its claim iat looks like milliseconds; the times of a JWT are in seconds', undefined)
  if (iat * 1000 > context.now + clockToleranceSeconds * 1000)
    throw refused('it was issued in the future: compare the clocks of the two hosts', undefined)
  return {
    subject: sub,
    session: sid,
    idleTimeoutSeconds: idle,
    absoluteTimeoutSeconds: abs,
    issuedAt: iat * 1000,
  }
}

async function verifyWithAnyKey(ticket: string, context: TicketContext): Promise<JWTPayload> {
  const { site, keys } = context
  if (keys.length === 0) throw refused(`the site "${site}" has no ticket keys`, undefined)
  // Side by side, so that several key servers that hang hold the ticket no longer than one does.
  const verified = keys.map((key) => verifyWithKey(ticket, key, context))
  try {
    return await Promise.any(verified)
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error
    throw refusalOf(error.errors, context)
  }
}

/** Of what each key said against a ticket, what is worth saying. */
function refusalOf(failures: readonly unknown[], { site }: TicketContext): unknown {
  // A ticket whose key could not be fetched is not to blame, whatever the other keys say.
  const unreachable = failures.find((failure) => failure instanceof LapseError)
  if (unreachable) return unreachable
  // What only the right key's failure says comes before "not my signature".
  const failure = failures.find((each) => !isForeign(each)) ?? failures[0]
  if (isForeign(failure)) return refused(`no key of the site "${site}" made its signature`, failure)
  return failure instanceof errors.JOSEError ? refused(describeTicketFault(failure, site), failure) : failure
}

async function verifyWithKey(
  ticket: string,
  { alg, key }: TicketKey,
  { site, now }: TicketContext,
): Promise<JWTPayload> {
  const options = {
    // The same algorithm by its older and its newer name (RFC 9864).
    algorithms: alg === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [alg],
    typ: 'lapse+jwt',
    issuer: site,
    requiredClaims: ['sub', 'iat'],
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(now),
  }
  if (typeof key !== 'function') return (await jwtVerify(ticket, key, options)).payload
  try {
    return (await jwtVerify(ticket, key, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    // Without a `kid` any of them may be the one.
    let tried = 0
    for await (const candidate of error) {
      if (tried === maxCandidates) throw new TooManyKeysError(maxCandidates)
      tried += 1
      const verified = await jwtVerify(ticket, candidate, options).catch((failure: unknown) => {
        if (!isForeign(failure)) throw failure
      })
      if (verified) return verified.payload
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** Signed by another key, or by another algorithm than this key's. */
function isForeign(failure: unknown): boolean {
  return (
    failure instanceof errors.JWSSignatureVerificationFailed ||
    failure instanceof errors.JWKSNoMatchingKey ||
    failure instanceof errors.JOSEAlgNotAllowed
  )
}

function refused(why: string, cause: unknown): LapseError {
  const message = `The ticket was refused: ${why}. Sign in again, or check the site's ticketKeys.`
  return new LapseError('ticket-refused', message, { cause })
}
