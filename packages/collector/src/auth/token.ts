import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a token may do: post events as a server, or read the audit. */
export const tokenScopes = ['write', 'read'] as const
export type TokenScope = (typeof tokenScopes)[number]

/** A bearer token as it is stored. The token itself is not: it is shown once, when it is made. */
export interface Token {
  readonly id: string
  /** What it is for, in its owner's words. */
  readonly name: string | null
  readonly scope: TokenScope
  /** The only site that it is good for, or null for all. */
  readonly site: string | null
  /** SHA-256 of the whole token, in hexadecimal digits. */
  readonly hash: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

const form = /^lapse_([0-9a-f]{16})_[\w-]{43}$/

/** Makes a token: `lapse_`, the id by which it is looked up, and 256 random bits. */
export function mintToken(): { readonly id: string; readonly token: string } {
  const id = randomBytes(8).toString('hex')
  return { id, token: `lapse_${id}_${randomBytes(32).toString('base64url')}` }
}

/** The id in a token, or nothing if that is no token of ours. */
export function tokenId(token: string): string | undefined {
  return form.exec(token)?.[1]
}

/** A slow hash would add nothing: 256 random bits can't be guessed. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Compares in a time that tells nothing of the stored hash. */
export function matchesToken(stored: Token, token: string): boolean {
  return timingSafeEqual(Buffer.from(stored.hash, 'hex'), createHash('sha256').update(token).digest())
}

/** Whether a token is good at a time, epoch milliseconds. */
export function isTokenLive({ revokedAt, expiresAt }: Token, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt.getTime())
}

/** Whether a token may read the audit at a time, epoch milliseconds. */
export function mayRead(token: Token, now: number): boolean {
  return token.scope === 'read' && isTokenLive(token, now)
}
