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

/** Endpoints that end all sessions of the user who calls them, if they end the caller's own session. */
const userPaths = ['/revoke-sessions', '/change-password', '/delete-user', '/delete-user/callback']

interface FoundSession {
  readonly session: { readonly token: string; readonly userId: string }
}

/** The context of a hook that is called after an endpoint. */
type FinishedContext = GenericEndpointContext & { readonly context: { readonly returned?: unknown } }

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
  readonly #targets = new WeakMap<object, FoundSession>()

  constructor(lapse: LapseServer, reporter: SessionReporter) {
    this.#lapse = lapse
    this.#reporter = reporter
  }

  /** Finds the session that a request may be about to end, as long as it is there. */
  async find(context: GenericEndpointContext): Promise<void> {
    const { authCookies, internalAdapter, secret } = context.context
    const field = tokenFields[context.path]
    const token = field
      ? readText(context.body, field)
      : canEndOwnSession(context.path) &&
        (await context.getSignedCookie(authCookies.sessionToken.name, secret))
    if (!token) return
    const found = await internalAdapter.findSession(token)
    if (found) this.#targets.set(context.context, found)
  }

  /** Reports what a request has ended. An answer without an error does not mean that better-auth has ended anything. */
  async report(context: FinishedContext): Promise<void> {
    const { path, body } = context
    const { internalAdapter, returned, session, newSession } = context.context
    const target = this.#targets.get(context.context)?.session
    if (target && !(await internalAdapter.findSession(target.token))) {
      this.#reporter.ended(target, chooseEndReason(path))
      if (userPaths.includes(path)) this.#endAll(target.userId, newSession?.session)
    }
    if (returned instanceof Error) return
    if (path === '/revoke-other-sessions') this.#endAll(session?.user.id, session?.session)
    else if (adminPaths.includes(path) || (path === '/admin/update-user' && body?.data?.banned === true))
      this.#endAll(readText(body, 'userId'))
  }

  #endAll(subject: string | undefined, kept?: Parameters<typeof getAlias>[0]): void {
    if (subject) this.#lapse.endedAll({ subject, reason: 'revoked', except: kept && getAlias(kept) })
  }
}

/** Returns whether an endpoint can end the session in the cookie of the request. */
function canEndOwnSession(path: string): boolean {
  return userPaths.includes(path) || chooseEndReason(path) !== 'revoked'
}

function readText(body: unknown, field: string): string | undefined {
  const value = typeof body === 'object' && body !== null ? Reflect.get(body, field) : undefined
  return typeof value === 'string' ? value : undefined
}
