import { z } from 'zod'
import { computeSessionCutoff, createSession, signDashboardTicket } from '../../auth/dashboardSession.ts'
import { LapseError } from '../../domain/errors.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { findToken } from '../request/authenticate.ts'
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
import type { Route } from '../route.ts'

const path = '/dashboard/session'
const signInSchema = z.object({ token: z.string() })

/** `POST /dashboard/session`: signs in with a token that has the scope `read`. */
export const signIn: Route = {
  method: 'post',
  path,
  isRateLimited: true,
  cacheControl: 'no-store',
  handler({ store, settings }) {
    return async (ctx) => {
      assertSameOrigin(ctx)
      const form = signInSchema.safeParse(await readJson(ctx))
      const text = form.data?.token.trim() ?? ''
      const token = await findToken(ctx, text, { scope: 'read', tokens: store.tokens })
      const now = new Date()
      const { cookie, session } = createSession(token.id, now)
      await store.dashboardSessions.add(session, {
        replaces: readCookieHash(ctx),
        forgetBefore: computeSessionCutoff(settings.dashboard, now.getTime()),
      })
      writeCookie(ctx, cookie)
      ctx.status = 201
      ctx.body = await describeSession({ session, token }, settings)
    }
  },
}

/**
 * `GET /dashboard/session`: who is signed in, or 204 if nobody is. It restarts the idle timeout, unless the page asks
 * automatically.
 */
export const getSession: Route = {
  method: 'get',
  path,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const open = await readSession(ctx, dependencies)
      if (open) {
        await recordAccess(ctx, open, dependencies)
        ctx.body = await describeSession(open, dependencies.settings)
      } else {
        ctx.status = 204
      }
    }
  },
}

/** `DELETE /dashboard/session`: signs out, which invalidates all copies of the cookie. */
export const signOut: Route = {
  method: 'delete',
  path,
  cacheControl: 'no-store',
  handler({ store }) {
    return async (ctx) => {
      assertSameOrigin(ctx)
      const cookieHash = readCookieHash(ctx)
      // If this fails, the browser keeps the cookie and can try again.
      if (cookieHash !== undefined) await store.dashboardSessions.end(cookieHash, new Date())
      removeCookie(ctx)
      ctx.status = 204
    }
  },
}

async function describeSession(
  { session, token }: OpenSession,
  { dashboard, sites }: Dependencies['settings'],
) {
  return {
    token: { id: token.id, name: token.name },
    session: session.alias,
    ticket: await signDashboardTicket(session, dashboard),
    idleTimeoutSeconds: dashboard.idleTimeoutSeconds,
    sites: token.site === null ? Object.keys(sites) : [token.site],
  }
}

/** Browsers never send the cookie from other sites. But signing in needs no cookie, so other pages must be refused. */
function assertSameOrigin(ctx: Context): void {
  if (!isSameOrigin(ctx)) throw new LapseError('forbidden', 'Only the dashboard can sign in and out.')
}
