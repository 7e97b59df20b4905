import { z } from 'zod'
import { createSession, forgottenBefore, signDashboardTicket } from '../../auth/dashboardSession.ts'
import { LapseError } from '../../domain/errors.ts'
import type { Context, Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { tokenOf } from '../request/authenticate.ts'
import {
  type OpenSession,
  readCookieHash,
  readSession,
  recordAccess,
  removeCookie,
  writeCookie,
} from '../request/dashboardCookie.ts'
import { readJson } from '../request/readJson.ts'
import { isSameOrigin } from '../request/sameOrigin.ts'

const signInSchema = z.object({ token: z.string() })

/** `POST /dashboard/session`: signs in with a token of the scope `read`. */
export function signIn(parts: CollectorParts): Middleware {
  const { store, settings } = parts
  return async (ctx) => {
    assertSameOrigin(ctx)
    const form = signInSchema.safeParse(await readJson(ctx))
    const token = await tokenOf(ctx, form.data?.token.trim() ?? '', {
      scope: 'read',
      tokens: store.tokens,
    })
    const now = new Date()
    const { cookie, session } = createSession(token.id, now)
    await store.dashboardSessions.add(session, {
      replaces: readCookieHash(ctx),
      forgetBefore: forgottenBefore(settings.dashboard, now.getTime()),
    })
    writeCookie(ctx, cookie)
    ctx.status = 201
    await describeSession(ctx, { session, token }, parts)
  }
}

/**
 * `GET /dashboard/session`: who is signed in, or 204 where nobody is. It is an access, as the load of a page is, unless
 * the page asks by itself.
 */
export function getSession(parts: CollectorParts): Middleware {
  return async (ctx) => {
    const open = await readSession(ctx, parts)
    ctx.set('Cache-Control', 'no-store')
    if (open) {
      await recordAccess(ctx, open, parts)
      await describeSession(ctx, open, parts)
    } else {
      ctx.status = 204
    }
  }
}

/** `DELETE /dashboard/session`: signs out, which ends every copy of the cookie. */
export function signOut({ store }: CollectorParts): Middleware {
  return async (ctx) => {
    assertSameOrigin(ctx)
    const cookieHash = readCookieHash(ctx)
    // Where this fails, the browser keeps the cookie, so that it can try again.
    if (cookieHash !== undefined) await store.dashboardSessions.end(cookieHash, new Date())
    removeCookie(ctx)
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 204
  }
}

async function describeSession(
  ctx: Context,
  { session, token }: OpenSession,
  { settings }: CollectorParts,
): Promise<void> {
  ctx.set('Cache-Control', 'no-store')
  ctx.body = {
    token: { id: token.id, name: token.name },
    session: session.alias,
    ticket: await signDashboardTicket(session, settings.dashboard),
    idleTimeoutSeconds: settings.dashboard.idleTimeoutSeconds,
    sites: token.site === null ? Object.keys(settings.sites) : [token.site],
  }
}

/** The cookie is never sent from another site, but a sign-in needs none: nobody else may choose who reads here. */
function assertSameOrigin(ctx: Context): void {
  if (!isSameOrigin(ctx)) throw new LapseError('forbidden', 'Only the dashboard itself may sign in and out.')
}
