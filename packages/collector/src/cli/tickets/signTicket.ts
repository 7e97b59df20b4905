import { SignJWT } from 'jose'
import type { SigningKey } from './signingKey.ts'

interface Claims {
  readonly site: string
  readonly subject: string
  readonly session?: string | undefined
  /** The session's idle timeout, in seconds. */
  readonly idle?: number | undefined
  /** The session's absolute timeout, in seconds. */
  readonly abs?: number | undefined
  /** Epoch seconds (RFC 7519, section 2). */
  readonly issuedAt: number
  /** Epoch seconds. */
  readonly expiresAt: number
}

export function signTicket(claims: Claims, { alg, key, kid }: SigningKey): Promise<string> {
  const { site, subject, session, idle, abs, issuedAt, expiresAt } = claims
  return new SignJWT({ ...(session && { sid: session }), ...(idle && { idle }), ...(abs && { abs }) })
    .setProtectedHeader({ alg, typ: 'lapse+jwt', ...(kid && { kid }) })
    .setIssuer(site)
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key)
}
