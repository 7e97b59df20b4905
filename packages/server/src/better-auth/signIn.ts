import type { GenericEndpointContext } from 'better-auth'
import type { NewSessions } from './newSessions.ts'
import type { SessionReporter } from './sessionReporter.ts'
import { readSessionRow } from './sessionRow.ts'

/** Reports a session that better-auth has created, unless it is deleted again to ask for the second factor. */
export function noteSessionStart(
  session: unknown,
  context: GenericEndpointContext | null,
  reporter: SessionReporter,
  newSessions: NewSessions,
): void {
  const isHeld = context?.context.hasPlugin('two-factor') === true && context.path.startsWith('/sign-in/')
  // Without a context, the application's own code has created the session.
  if (context) newSessions.add(readSessionRow(session).token, { session, isHeld })
  if (!isHeld) reporter.active(session)
}

/** Reports what a request that has created a session did to the session that the browser had before. */
export async function noteSignIn(
  context: GenericEndpointContext,
  reporter: SessionReporter,
  newSessions: NewSessions,
): Promise<void> {
  const token = context.context.newSession?.session.token ?? ''
  const created = newSessions.get(token)
  // Extended, or chosen among several sessions.
  if (!created) return
  if (created.isHeld && (await requiresSecondFactor(context))) return
  newSessions.delete(token)
  if (created.isHeld) reporter.active(created.session)
  const earlier = await findEarlierSession(context, token)
  if (earlier) reporter.ended(earlier, 'displaced')
}

/** Finds the session whose cookie the browser sent, and which the new session replaces. */
async function findEarlierSession(context: GenericEndpointContext, newToken: string): Promise<unknown> {
  const { authCookies, internalAdapter, secret } = context.context
  // The administrator returns to the earlier session afterwards.
  if (context.path === '/admin/impersonate-user') return undefined
  const { name } = authCookies.sessionToken
  const token = await context.getSignedCookie(name, secret)
  if (!token || token === newToken) return undefined
  // The multi-session plugin keeps it, so that the user can switch back.
  if (context.getCookie(`${name}_multi-${token.toLowerCase()}`)) return undefined
  return (await internalAdapter.findSession(token))?.session
}

/** Asks the plugin itself, because it may be listed after this one. */
async function requiresSecondFactor(context: GenericEndpointContext): Promise<boolean> {
  const plugin: { shouldRequireTwoFactor?(context: GenericEndpointContext): Promise<boolean> } | null =
    context.context.getPlugin('two-factor')
  return (await plugin?.shouldRequireTwoFactor?.(context)) ?? false
}
