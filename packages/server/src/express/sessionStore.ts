import type { StoredSession } from '../session/session.ts'

/** The session data that stores of express-session keep. */
export interface StoreSession {
  /** The cookie of the session, with its expiry. */
  readonly cookie?:
    | {
        readonly expires?: Date | string | null | undefined
        readonly originalMaxAge?: number | null | undefined
      }
    | undefined
  /** What `request.lapse.signIn` has stored. */
  readonly lapse?: StoredSession | undefined
}

type Callback<Result> = (error?: unknown, result?: Result | null) => void

/** A store of express-session, as far as Lapse uses it. */
export interface SessionStore {
  /** Reads a session. */
  get(sid: string, callback: Callback<object>): void
  /** Deletes a session. */
  destroy(sid: string, callback?: Callback<never>): void
  /** Lists all sessions. Not all stores can do that. */
  all?(callback: Callback<Readonly<Record<string, object>> | readonly object[]>): void
}
