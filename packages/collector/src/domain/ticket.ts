import { KeyObject } from 'node:crypto'
import {
  type CryptoKey,
  decodeJwt,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import { z } from 'zod'
import { LapseError } from './errors.ts'
import { verifyHmac } from './hmacTicket.ts'
import { describeTicketFault, TooManyKeysError } from './ticketFault.ts'
import { idSchema } from './validation/fieldSchemas.ts'
import { validate } from './validation/validate.ts'
import { maxMarkerAgeSeconds } from './verdict.ts'

/** The claims of a verified ticket. They override the same fields of the report. */
export interface TicketClaims {
  readonly subject: string
  readonly session: string | undefined
  readonly idleTimeoutSeconds: number | undefined
  readonly absoluteTimeoutSeconds: number | undefined
  /** The time of the sign-in, in epoch milliseconds of the host's clock. */
  readonly issuedAt: number
  /** When the ticket expires, in epoch milliseconds of the host's clock. */
  readonly expiresAt: number | undefined
  /** Whether it has expired. It then counts only for a session that a ticket or a server has registered. */
  readonly hasExpired: boolean
}

/** The supported algorithms with public keys (RFC 7518, section 3.1; RFC 8037). */
export const publicKeyAlgorithms = ['EdDSA', 'ES256', 'RS256'] as const
export type TicketAlgorithm = 'HS256' | (typeof publicKeyAlgorithms)[number]

/** A key that verifies a site's tickets. The site chooses the algorithm, never the ticket. */
export interface TicketKey {
  readonly alg: TicketAlgorithm
  /** The secret, or a function that finds the key in a JWK set by the ticket's `kid`. */
  readonly key: KeyObject | JWTVerifyGetKey
}

const timeoutSecondsSchema = z.int().positive().max(maxMarkerAgeSeconds)

const claimsSchema = z.object({
  sub: idSchema,
  sid: idSchema.optional(),
  iat: z.number(),
  exp: z.number().optional(),
  idle: timeoutSecondsSchema.optional(),
  abs: timeoutSecondsSchema.optional(),
})

const clockToleranceSeconds = 60

/** In seconds, this is the year 5138; in milliseconds, 1973. A larger `iat` must be in milliseconds. */
const maxIssuedAt = 1e11
/** In characters. A browser's report has at most 8 KiB, so it cannot contain a longer ticket. */
const maxTicketLength = 8_192
/** How many keys of a set to try for a ticket whose `kid` does not identify a single key. */
const maxCandidates = 10

export interface TicketContext {
  readonly site: string
  /** A site can have several keys, so that they can be rotated. */
  readonly keys: readonly TicketKey[]
  /** The current time, in epoch milliseconds. */
  readonly now: number
}

/**
 * Verifies a ticket: a JWT (RFC 7519) with `typ: lapse+jwt`, signed by one of the site's keys.
 *
 * A ticket that has expired is returned too, with `hasExpired`.
 *
 * @throws {LapseError} `ticket-refused` if the ticket does not verify. It is never downgraded to an unsigned claim.
 * @throws {LapseError} `unavailable` if the keys could not be fetched. The ticket may still be valid.
 */
export async function verifyTicket(ticket: string, context: TicketContext): Promise<TicketClaims> {
  if (ticket.length > maxTicketLength) throw createRefusal(`it is longer than ${maxTicketLength} characters`)
  const { payload, hasExpired } = await verifyWithAnyKey(ticket, context)
  return { ...readClaims(payload, context.now), hasExpired }
}

/**
 * Reads the claims of a ticket that was verified before and has not expired.
 *
 * @param now the current time, in epoch milliseconds.
 */
export function readVerifiedTicket(ticket: string, now: number): TicketClaims {
  return { ...readClaims(decodeJwt(ticket), now), hasExpired: false }
}

function readClaims(payload: JWTPayload, now: number): Omit<TicketClaims, 'hasExpired'> {
  const claims = validate(claimsSchema, payload)
  if (!claims.success) {
    const faults = claims.faults.map(({ path, detail }) => `its claim ${path.join('.')} ${detail}`)
    throw createRefusal(faults.join('; '))
  }
  const { sub, sid, iat, exp, idle, abs } = claims.data
  if (iat > maxIssuedAt)
    throw createRefusal('its claim iat looks like milliseconds; JWT times are in seconds')
  if (iat * 1000 > now + clockToleranceSeconds * 1000)
    throw createRefusal('it was issued in the future; compare the clocks of the two hosts')
  return {
    subject: sub,
    session: sid,
    idleTimeoutSeconds: idle,
    absoluteTimeoutSeconds: abs,
    issuedAt: iat * 1000,
    expiresAt: exp === undefined ? undefined : exp * 1000,
  }
}

interface VerifiedPayload {
  readonly payload: JWTPayload
  readonly hasExpired: boolean
}

async function verifyWithAnyKey(ticket: string, context: TicketContext): Promise<VerifiedPayload> {
  const { site, keys } = context
  if (keys.length === 0) throw createRefusal(`the site "${site}" has no ticket keys`)
  const [first, second] = keys
  if (first && !second)
    return verifyWithKey(ticket, first, context).catch((failure: unknown) => {
      throw chooseFailure([failure], context)
    })
  // In parallel, so that several hanging key servers delay the ticket no longer than one.
  const verified = keys.map((key) => verifyWithKey(ticket, key, context))
  try {
    return await Promise.any(verified)
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error
    throw chooseFailure(error.errors, context)
  }
}

/** Chooses the most helpful of the failures that the keys produced. */
function chooseFailure(failures: readonly unknown[], { site }: TicketContext): unknown {
  // A key that could not be fetched may be the right one, so the ticket is not refused.
  const unreachable = failures.find((failure) => failure instanceof LapseError)
  if (unreachable) return unreachable
  // Only the matching key verifies the signature, so any other failure explains more than a mismatch.
  const failure = failures.find((each) => !isKeyMismatch(each)) ?? failures[0]
  if (isKeyMismatch(failure)) return createKeyMismatchError(site, failure)
  return failure instanceof errors.JOSEError
    ? createRefusal(describeTicketFault(failure, site), failure)
    : failure
}

async function verifyWithKey(
  ticket: string,
  { alg, key }: TicketKey,
  { site, now }: TicketContext,
): Promise<VerifiedPayload> {
  const options = {
    // RFC 9864 renamed EdDSA with this curve to Ed25519.
    algorithms: alg === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [alg],
    typ: 'lapse+jwt',
    issuer: site,
    requiredClaims: ['sub', 'iat'],
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(now),
  }
  try {
    return await verifyJwt(ticket, key, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    // Without a `kid`, each of these keys may be the right one.
    let tried = 0
    for await (const candidate of error) {
      if (tried === maxCandidates) throw new TooManyKeysError(maxCandidates)
      tried += 1
      const verified = await verifyJwt(ticket, candidate, options).catch((failure: unknown) => {
        if (!isKeyMismatch(failure)) throw failure
      })
      if (verified) return verified
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

async function verifyJwt(
  ticket: string,
  key: TicketKey['key'] | CryptoKey,
  options: JWTVerifyOptions,
): Promise<VerifiedPayload> {
  try {
    const hmacPayload = key instanceof KeyObject ? verifyHmac(ticket, key, options) : undefined
    if (hmacPayload) return { payload: hmacPayload, hasExpired: false }
    // Both kinds of keys have their own overload.
    const { payload } = await (typeof key === 'function'
      ? jwtVerify(ticket, key, options)
      : jwtVerify(ticket, key, options))
    return { payload, hasExpired: false }
  } catch (error) {
    // `exp` is checked last, so the signature and everything else are right.
    if (error instanceof errors.JWTExpired) return { payload: error.payload, hasExpired: true }
    throw error
  }
}

/** Returns whether the ticket was signed by another key, or with another algorithm than this key's. */
function isKeyMismatch(failure: unknown): boolean {
  return (
    failure instanceof errors.JWSSignatureVerificationFailed ||
    failure instanceof errors.JWKSNoMatchingKey ||
    failure instanceof errors.JOSEAlgNotAllowed
  )
}

/** The ticket has expired, and the session is not one that it registered. */
export function createExpiredTicketError(): LapseError {
  return createRefusal('it has expired')
}

export function createKeyMismatchError(site: string, cause?: unknown): LapseError {
  return createRefusal(`its signature matches no key of the site "${site}"`, cause)
}

function createRefusal(reason: string, cause?: unknown): LapseError {
  const message = `The ticket was refused: ${reason}. Sign in again, or check the site's ticketKeys.`
  return new LapseError('ticket-refused', message, { cause })
}
