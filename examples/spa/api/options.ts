export interface AppOptions {
  /** The collector's origin, such as `http://127.0.0.1:4780`. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
  /** Signs the tickets: at least 32 bytes, the same in the collector's configuration. */
  readonly ticketSecret: string
  /** The folder with the built pages. */
  readonly pages: string
}

/** What the session holds, and the page is told of it. */
export interface SessionData {
  /** An opaque id of the user, never a name or an address. */
  readonly subject: string
  /** The alias: a random id made at sign-in. It opens nothing, so a script may know it. */
  readonly session: string
  /** What proves both to the collector. */
  readonly ticket: string
}
