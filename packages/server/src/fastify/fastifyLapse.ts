import type { EndReason } from '../reports.ts'
import type { Session, StoredSession } from '../session/session.ts'

/** What `request.lapse` can do. Nothing here throws. */
export interface FastifyLapse {
  /** The signed-in session, or undefined. For an API: hand it to `@lapse/client`, with `lapse.ticket(session)`. */
  readonly session: Session | undefined

  /** The script tag for the page, as HTML. An empty string if it is unknown whether there is a session. */
  readonly tag: string

  /**
   * Call this at sign-in, after `request.session.regenerate()`. It stores the subject and a new alias in the session.
   *
   * @param subject an opaque id of the user. Never a name or an email address.
   */
  signIn(subject: string | number): StoredSession | undefined

  /**
   * Call this if the application keeps the session at sign-out, or if the sign-out is not a logout: `'idle_timeout'` from
   * the application's own idle timer, for example. `request.session.destroy()` (or `delete()`) needs no call.
   */
  signOut(reason?: EndReason): void

  /**
   * Ends any session in the store of `@fastify/session`: reports it, then destroys it. Rejects only if the store fails.
   *
   * @param sessionId the session's own id: `request.session.sessionId`.
   */
  end(sessionId: string, reason: 'revoked' | 'displaced'): Promise<void>
}
