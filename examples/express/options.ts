import type { Store } from 'express-session'

/** Where and as whom this application speaks to the collector. */
export interface LapseOptions {
  /** The site's name in the collector's configuration. */
  readonly site: string
  /** The collector's origin, such as `http://127.0.0.1:4780`. */
  readonly collector: string
  /** A bearer token with the scope `write`, with which the server reports what it has ended itself. */
  readonly token: string
  /** Signs the tickets: at least 32 bytes, the same in the collector's configuration. */
  readonly ticketSecret: string
}

export interface AppOptions {
  readonly lapse: LapseOptions
  /** One that can list its sessions. */
  readonly store: Store
  /** Signs the cookie with the session's id. */
  readonly sessionSecret: string
  readonly idleTimeoutSeconds: number
}

declare module 'express-session' {
  /** What the store keeps about a signed-in user. */
  interface SessionData {
    /** An opaque id of the user, never a name or an address. */
    subject: string
    /** A random id made at sign-in, which Lapse is told. The id in the cookie opens the session and stays secret. */
    alias: string
    /** What proves both to the collector. */
    ticket: string
  }
}
