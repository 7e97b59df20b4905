import { type DashboardSession, hashCookie, isAccessDue, isSessionOpen } from '../../auth/dashboardSession.ts'
import { mayRead, type Token } from '../../auth/token.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'

/** A session of somebody who is signed in to the dashboard. */
export interface OpenSession {
  readonly session: DashboardSession
  readonly token: Token
}

type SessionDependencies = Pick<Dependencies, 'settings' | 'store'>

/** Reads the dashboard's cookie from the request, valid or not. */
export function readCookie(ctx: Context): string | undefined {
  return ctx.cookies.get(chooseCookieName(ctx))
}

/** @returns the hash of the request's cookie, or undefined if the cookie is missing or malformed. */
export function readCookieHash(ctx: Context): string | undefined {
  return hashCookie(readCookie(ctx) ?? '')
}

/** Finds the open session that belongs to the request's cookie. */
export async function readSession(
  ctx: Context,
  dependencies: SessionDependencies,
): Promise<OpenSession | undefined> {
  const cookieHash = readCookieHash(ctx)
  return cookieHash === undefined ? undefined : findOpenSession(cookieHash, dependencies)
}

/** Finds a session that is open, and whose token may read, at the current time. */
export async function findOpenSession(
  cookieHash: string,
  { store, settings }: SessionDependencies,
): Promise<OpenSession | undefined> {
  const session = await store.dashboardSessions.find(cookieHash)
  if (!session || !isSessionOpen(session, settings.dashboard, Date.now())) return undefined
  const token = await store.tokens.find(session.tokenId)
  return token && mayRead(token, Date.now()) ? { session, token } : undefined
}

/** Restarts the idle timeout, except for requests that the dashboard makes automatically. */
export async function recordAccess(
  ctx: Context,
  { session }: OpenSession,
  { store, settings }: SessionDependencies,
): Promise<void> {
  const now = Date.now()
  if (ctx.get('Lapse-Unattended') !== '' || !isAccessDue(session, settings.dashboard, now)) return
  await store.dashboardSessions.recordAccess(session.cookieHash, new Date(now))
}

/** Sends the cookie of a new session to the browser. */
export function writeCookie(ctx: Context, cookie: string): void {
  setCookie(ctx, cookie)
}

export function removeCookie(ctx: Context): void {
  setCookie(ctx, '', 'Max-Age=0')
}

/**
 * Sets a cookie without a lifetime: the stored session decides when it ends.
 * Koa's own `ctx.cookies.set` refuses `Secure` behind a proxy that terminates TLS.
 */
function setCookie(ctx: Context, value: string, ...more: string[]): void {
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', ...(isSecure(ctx) ? ['Secure'] : []), ...more]
  ctx.append('Set-Cookie', [`${chooseCookieName(ctx)}=${value}`, ...attributes].join('; '))
}

/** The prefix keeps other hosts of the domain from setting the cookie (RFC 6265bis, section 4.1.3.2). It requires https. */
function chooseCookieName(ctx: Context): string {
  return isSecure(ctx) ? '__Host-lapse-dashboard' : 'lapse-dashboard'
}

function isSecure(ctx: Context): boolean {
  return ctx.state.origin.startsWith('https:')
}
