import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { type JWTPayload, type JWTVerifyOptions, UnsecuredJWT } from 'jose'
import { z } from 'zod'
import { parseJson } from './text/parseJson.ts'

const headerSchema = z.strictObject({
  alg: z.literal('HS256'),
  typ: z.string(),
  kid: z.string().optional(),
})

/**
 * Verifies a ticket signed with HS256 (RFC 7518, section 3.2) on this thread. jose verifies every signature on another
 * thread, and the way there and back takes several times as long as an HMAC.
 *
 * @returns undefined for anything but a ticket with this signature and a plain header. jose says what is wrong with it.
 * @throws {JOSEError} of jose if the claims do not match the options.
 */
export function verifyHmac(
  ticket: string,
  secret: KeyObject,
  options: JWTVerifyOptions,
): JWTPayload | undefined {
  const [header = '', payload = '', signature = '', ...others] = ticket.split('.')
  if (others.length > 0) return undefined
  const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
  // The texts are compared, so that each ticket has only one form.
  if (!isEqual(signature, expected)) return undefined
  const unsecured = header === lastHeader.text ? lastHeader.unsecured : removeAlgorithm(header)
  if (unsecured === undefined) return undefined
  lastHeader = { text: header, unsecured }
  // The signature is right. jose checks the claims, as for any other algorithm.
  return UnsecuredJWT.decode(`${unsecured}.${payload}.`, options).payload
}

/** Most tickets of a host have the same header. */
let lastHeader = { text: '', unsecured: '' }

/** @returns the same header for a JWT without a signature, or undefined if it is not a plain header. */
function removeAlgorithm(header: string): string | undefined {
  const { success, data } = headerSchema.safeParse(parseJson(Buffer.from(header, 'base64url').toString()))
  return success ? Buffer.from(JSON.stringify({ ...data, alg: 'none' })).toString('base64url') : undefined
}

function isEqual(text: string, other: string): boolean {
  const [a, b] = [Buffer.from(text), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
