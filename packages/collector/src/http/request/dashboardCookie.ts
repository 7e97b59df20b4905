import { type DashboardSession, hashCookie, isAccessDue, isSessionOpen } from '../../auth/dashboardSession.ts'
import { mayRead, type Token } from '../../auth/token.ts'
import type { Context } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'

/** Somebody who is signed in to the dashboard now. */
export interface OpenSession {
  readonly session: DashboardSession
  readonly token: Token
}

type Parts = Pick<CollectorParts, 'settings' | 'store'>

/** The cookie of the dashboard that the request brings, whatever it is worth. */
export function readCookie(ctx: Context): string | undefined {
  return ctx.cookies.get(nameOf(ctx))
}

/** The hash of the request's cookie, or nothing if it brings none that was made here. */
export function readCookieHash(ctx: Context): string | undefined {
  return hashCookie(readCookie(ctx) ?? '')
}

/** The session that the request's cookie opens, if any. */
export async function readSession(ctx: Context, parts: Parts): Promise<OpenSession | undefined> {
  const cookieHash = readCookieHash(ctx)
  return cookieHash === undefined ? undefined : findOpenSession(cookieHash, parts)
}

/** Looks a session up, and checks it and its token as they are now. */
export async function findOpenSession(
  cookieHash: string,
  { store, settings }: Parts,
): Promise<OpenSession | undefined> {
  const session = await store.dashboardSessions.find(cookieHash)
  if (!session || !isSessionOpen(session, settings.dashboard, Date.now())) return undefined
  const token = await store.tokens.find(session.tokenId)
  return token && mayRead(token, Date.now()) ? { session, token } : undefined
}

/** Puts off the idle timeout, unless the dashboard says that it asks by itself: that is nobody's access. */
export async function recordAccess(
  ctx: Context,
  { session }: OpenSession,
  { store, settings }: Parts,
): Promise<void> {
  const now = Date.now()
  if (ctx.get('Lapse-Unattended') !== '' || !isAccessDue(session, settings.dashboard, now)) return
  await store.dashboardSessions.recordAccess(session.cookieHash, new Date(now))
}

/** Puts a session into the browser. */
export function writeCookie(ctx: Context, cookie: string): void {
  setCookie(ctx, cookie)
}

export function removeCookie(ctx: Context): void {
  setCookie(ctx, '', 'Max-Age=0')
}

/**
 * Without a lifetime: the collector decides when the session ends, by what it has stored.
 * Koa's own `ctx.cookies.set` refuses `Secure` behind a proxy that ends TLS.
 */
function setCookie(ctx: Context, value: string, ...more: string[]): void {
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', ...(isSecure(ctx) ? ['Secure'] : []), ...more]
  ctx.append('Set-Cookie', [`${nameOf(ctx)}=${value}`, ...attributes].join('; '))
}

/** By the prefix, no other host of the domain can set it (RFC 6265bis, section 4.1.3.2). It needs https. */
function nameOf(ctx: Context): string {
  return isSecure(ctx) ? '__Host-lapse-dashboard' : 'lapse-dashboard'
}

function isSecure(ctx: Context): boolean {
  return ctx.state.origin.startsWith('https:')
}
