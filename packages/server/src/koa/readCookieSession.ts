import type { Context } from 'koa'
import { type KoaKnownSession, readSessionData } from './knownSession.ts'
import { defaultKey, type KoaSessionOptions } from './sessionOptions.ts'

/**
 * Reads the session in the cookie of a request without loading it: loading would extend it, and reading a signed cookie
 * may write one. A cookie that cannot be decoded has no session, as for koa-session.
 */
export function readCookieSession(
  { cookies }: Context,
  { key = defaultKey, signed = true, decode = decodeCookie }: KoaSessionOptions,
): KoaKnownSession | undefined {
  const cookie = cookies.get(key, { signed: false })
  if (!cookie) return undefined
  const signature = cookies.get(`${key}.sig`, { signed: false })
  // The types of "cookies" omit this property.
  const { keys } = cookies as { readonly keys?: { verify(data: string, signature: string): boolean } }
  if (signed && !(signature && keys?.verify(`${key}=${cookie}`, signature))) return undefined
  try {
    return readSessionData(decode(cookie))
  } catch {
    return undefined
  }
}

function decodeCookie(cookie: string): unknown {
  return JSON.parse(Buffer.from(cookie, 'base64').toString('utf8'))
}
