import {
  type DashboardSession,
  openSession,
  type SessionLimits,
  sealSession,
} from '../lapse/dashboardSession.ts'
import type { Token } from '../lapse/token.ts'
import type { Context } from './context.ts'

/** The session of the dashboard that the request's cookie stands for, if any. */
export async function readSession(
  ctx: Context,
  findToken: (id: string) => Promise<Token | undefined>,
): Promise<DashboardSession | undefined> {
  const cookie = ctx.cookies.get(nameOf(ctx))
  return cookie ? openSession(cookie, findToken, Date.now()) : undefined
}

/** Puts off the idle timeout, unless the dashboard says that it asks by itself: that is nobody's access. */
export async function renewSession(
  ctx: Context,
  session: DashboardSession,
  limits: SessionLimits,
): Promise<void> {
  if (ctx.get('Lapse-Unattended') === '') await writeSession(ctx, session, limits)
}

/** Puts a session into the browser. */
export async function writeSession(
  ctx: Context,
  session: DashboardSession,
  limits: SessionLimits,
): Promise<void> {
  setCookie(ctx, await sealSession(session, limits, Date.now()))
}

export function endSession(ctx: Context): void {
  setCookie(ctx, '', 'Max-Age=0')
}

/**
 * Without a lifetime: what ends the session is in the value, where the browser's clock and its user cannot change it.
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
