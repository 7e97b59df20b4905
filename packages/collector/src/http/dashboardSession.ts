import { z } from 'zod'
import { type DashboardSession, dashboardTicket, newDashboardSession } from '../lapse/dashboardSession.ts'
import { LapseError } from '../lapse/error.ts'
import { tokenOf } from './authenticate.ts'
import type { Context, Middleware } from './context.ts'
import { endSession, readSession, renewSession, writeSession } from './dashboardCookie.ts'
import type { CollectorParts } from './parts.ts'
import { readJson } from './readJson.ts'
import { isSameOrigin } from './sameOrigin.ts'

const signInSchema = z.object({ token: z.string() })

/** `POST /dashboard/session`: signs in with a token of the scope `read`. */
export function signIn(parts: CollectorParts): Middleware {
  return async (ctx) => {
    assertSameOrigin(ctx)
    const form = signInSchema.safeParse(await readJson(ctx))
    const token = await tokenOf(ctx, form.data?.token.trim() ?? '', {
      scope: 'read',
      findToken: parts.store.findToken,
    })
    const session = newDashboardSession(token, Date.now())
    await writeSession(ctx, session, parts.settings.dashboard)
    ctx.status = 201
    await tell(ctx, session, parts)
  }
}

/**
 * `GET /dashboard/session`: who is signed in, or 204 where nobody is. It is an access, as the load of a page is, unless
 * the page asks by itself.
 */
export function getSession(parts: CollectorParts): Middleware {
  return async (ctx) => {
    const session = await readSession(ctx, parts.store.findToken)
    ctx.set('Cache-Control', 'no-store')
    if (session) {
      await renewSession(ctx, session, parts.settings.dashboard)
      await tell(ctx, session, parts)
    } else {
      ctx.status = 204
    }
  }
}

/** `DELETE /dashboard/session`: signs out. */
export const signOut: Middleware = (ctx) => {
  assertSameOrigin(ctx)
  endSession(ctx)
  ctx.set('Cache-Control', 'no-store')
  ctx.status = 204
}

async function tell(ctx: Context, session: DashboardSession, { settings }: CollectorParts): Promise<void> {
  const { token, id } = session
  ctx.set('Cache-Control', 'no-store')
  ctx.body = {
    token: { id: token.id, name: token.name },
    session: id,
    ticket: await dashboardTicket(session, settings.dashboard),
    idleTimeoutSeconds: settings.dashboard.idleTimeoutSeconds,
    sites: token.site === null ? Object.keys(settings.sites) : [token.site],
  }
}

/** The cookie is never sent from another site, but a sign-in needs none: nobody else may choose who reads here. */
function assertSameOrigin(ctx: Context): void {
  if (!isSameOrigin(ctx)) throw new LapseError('forbidden', 'Only the dashboard itself may sign in and out.')
}
