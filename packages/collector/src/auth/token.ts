import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a token allows: sending reports as a server, or reading the audit. */
export const tokenScopes = ['write', 'read'] as const
export type TokenScope = (typeof tokenScopes)[number]

/** A stored bearer token. It contains only the hash: the token itself is shown once, when it is created. */
export interface Token {
  readonly id: string
  /** The purpose of the token, as its creator described it. */
  readonly name: string | null
  readonly scope: TokenScope
  /** The only site that the token is valid for, or null for all sites. */
  readonly site: string | null
  /** The SHA-256 hash of the whole token, in hexadecimal. */
  readonly hash: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

const tokenPattern = /^lapse_([0-9a-f]{16})_[\w-]{43}$/

/** Creates a token: the prefix `lapse_`, an id for looking it up, and 256 random bits. */
export function mintToken(): { readonly id: string; readonly token: string } {
  const id = randomBytes(8).toString('hex')
  return { id, token: `lapse_${id}_${randomBytes(32).toString('base64url')}` }
}

/** @returns the id in a token, or undefined if the text is not a token. */
export function readTokenId(token: string): string | undefined {
  return tokenPattern.exec(token)?.[1]
}

/** A slow hash is unnecessary: 256 random bits cannot be guessed. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Compares in constant time, which reveals nothing about the stored hash. */
export function matchesToken(stored: Token, token: string): boolean {
  return timingSafeEqual(Buffer.from(stored.hash, 'hex'), createHash('sha256').update(token).digest())
}

/** @param now epoch milliseconds. */
export function isTokenValid({ revokedAt, expiresAt }: Token, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt.getTime())
}

/** @param now epoch milliseconds. */
export function mayRead(token: Token, now: number): boolean {
  return token.scope === 'read' && isTokenValid(token, now)
}
