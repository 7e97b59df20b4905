import type { BetterAuthOptions, GenericEndpointContext } from 'better-auth'
import type { LapseServer } from '../lapseServer.ts'
import { chooseEndReason } from './chooseEndReason.ts'
import { getAlias } from './describeSession.ts'
import type { SessionReporter } from './sessionReporter.ts'

/** Endpoints that end the session whose token is in this field of the body. */
const tokenFields: Readonly<Record<string, string>> = {
  '/revoke-session': 'token',
  '/multi-session/revoke': 'sessionToken',
  '/admin/revoke-user-session': 'sessionToken',
}

/** Endpoints that end all sessions of the user whose id is in the body. */
const adminPaths = ['/admin/revoke-user-sessions', '/admin/ban-user', '/admin/remove-user']

/** Endpoints that end all sessions of the user who calls them, and some of them create or keep one. */
const userPaths = ['/revoke-sessions', '/revoke-other-sessions', '/change-password', '/delete-user']

/** Returns whether sessions are in the secondary storage alone, such as Redis. */
export function isStorageOnly({ secondaryStorage, session }: BetterAuthOptions): boolean {
  return secondaryStorage !== undefined && !session?.storeSessionInDatabase
}

/**
 * Reports the ends of sessions that are in the secondary storage alone. better-auth calls no database hooks when it
 * deletes them, so that the requests themselves have to tell.
 */
export class StorageOnlyEnds {
  readonly #lapse: LapseServer
  readonly #reporter: SessionReporter
  /** The sessions that current requests may end, by the context of the request. */
  readonly #targets = new WeakMap<object, unknown>()

  constructor(lapse: LapseServer, reporter: SessionReporter) {
    this.#lapse = lapse
    this.#reporter = reporter
  }

  /** Finds the session that a request is about to end, as long as it is there. */
  async find(context: GenericEndpointContext): Promise<void> {
    const { authCookies, internalAdapter, secret } = context.context
    const field = tokenFields[context.path]
    const token =
      context.path === '/sign-out'
        ? await context.getSignedCookie(authCookies.sessionToken.name, secret)
        : field && readText(context.body, field)
    if (!token) return
    const found = await internalAdapter.findSession(token)
    if (found) this.#targets.set(context.context, found)
  }

  /** Reports what a request has ended, if better-auth has allowed it. */
  report(context: GenericEndpointContext & { readonly context: { readonly returned?: unknown } }): void {
    const { path, body } = context
    const { returned, session, newSession } = context.context
    if (returned instanceof Error) return
    const target = this.#targets.get(context.context) as { session: { userId: string } } | undefined
    // better-auth ignores the token of another user there, and answers as if it had not.
    const isForeign = path === '/revoke-session' && target?.session.userId !== session?.user.id
    if (target && !isForeign) this.#reporter.ended(target.session, chooseEndReason(path))
    else if (adminPaths.includes(path)) this.#endAll(readText(body, 'userId'))
    else if (userPaths.includes(path) && (path !== '/change-password' || body?.revokeOtherSessions)) {
      const kept = path === '/revoke-other-sessions' ? session : newSession
      this.#endAll(session?.user.id, kept ? getAlias(kept.session) : undefined)
    }
  }

  #endAll(subject: string | undefined, except?: string): void {
    if (subject) this.#lapse.endedAll({ subject, reason: 'revoked', except })
  }
}

function readText(body: unknown, field: string): string | undefined {
  const value = typeof body === 'object' && body !== null ? Reflect.get(body, field) : undefined
  return typeof value === 'string' ? value : undefined
}
