import type { JWT } from '@auth/core/jwt'
import { readStoredSession } from '../session/session.ts'
import type { EndedSession } from './endReporter.ts'
import { createSessionAlias, type TokenSession } from './identity.ts'
import { type AuthOptions, listSessionCookieNames } from './options.ts'
import type { WatchedRequest } from './requestScope.ts'

/** Reads Lapse's session from a decrypted token. */
export function readTokenSession({ lapse }: JWT): TokenSession | undefined {
  const stored = readStoredSession(lapse)
  if (!stored) return undefined
  const { lastAccessAt }: { lastAccessAt?: unknown } = Object(lapse)
  return { ...stored, lastAccessAt: typeof lastAccessAt === 'number' ? lastAccessAt : stored.startedAt }
}

/** Describes the session of a token that ends. */
export function describeEndedToken(token: JWT | null): EndedSession | undefined {
  const session = token ? readTokenSession(token) : undefined
  return session && { ...session, expiresAt: token?.exp === undefined ? undefined : token.exp * 1000 }
}

/**
 * Describes the session of a token that was issued before Lapse was installed. Requests that arrive at the same time
 * have the same token, so the alias is derived from it. From then on it is in the token.
 */
export function adoptToken({ sub, jti, iat }: JWT): TokenSession | undefined {
  if (!sub || !jti || iat === undefined) return undefined
  const startedAt = iat * 1000
  return { subject: sub, session: createSessionAlias(jti), startedAt, lastAccessAt: startedAt }
}

/**
 * Finds the token that the browser has had until this sign-in. Auth.js does not look at it.
 *
 * @param options as they are now: Auth.js adds the secret from the environment later.
 */
export async function readEarlierToken(
  options: AuthOptions,
  { headers }: WatchedRequest,
): Promise<JWT | null> {
  const cookies = headers.get('cookie') ?? ''
  const names = cookies.split(';').map((cookie) => cookie.split('=')[0]?.trim())
  const cookieName = listSessionCookieNames(options).find(
    (name) => names.includes(name) || names.includes(`${name}.0`),
  )
  const { secret, jwt } = options
  if (cookieName === undefined || secret === undefined) return null
  const { getToken, decode } = await import('@auth/core/jwt')
  return await getToken({
    // Only the cookie: a bearer token is no earlier session of the browser.
    req: { headers: new Headers({ cookie: cookies }) },
    cookieName,
    secret,
    decode: jwt?.decode ?? decode,
  })
}
