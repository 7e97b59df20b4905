import type { StoredSession } from '../session/session.ts'

/** The session data that stores of express-session keep. */
export interface StoreSession {
  readonly cookie?:
    | {
        readonly expires?: Date | string | null | undefined
        readonly originalMaxAge?: number | null | undefined
      }
    | undefined
  readonly lapse?: StoredSession | undefined
}

type Callback<Result> = (error?: unknown, result?: Result | null) => void

/** A store of express-session, as far as Lapse uses it. */
export interface SessionStore {
  get(sid: string, callback: Callback<object>): void
  destroy(sid: string, callback?: Callback<never>): void
  /** Not all stores can list their sessions. */
  all?(callback: Callback<Readonly<Record<string, object>> | readonly object[]>): void
}
