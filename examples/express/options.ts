import type { Store } from 'express-session'
import type { AppOptions } from '../_shared/options.ts'

export interface ShopOptions extends AppOptions {
  /** A bearer token with the scope `write`. The server uses it to report the sessions that it ends. */
  readonly token: string
  /** A session store that can list its sessions. */
  readonly store: Store
  /** Signs the cookie that holds the session's id. */
  readonly sessionSecret: string
}

declare module 'express-session' {
  /** What the store keeps for a signed-in user. */
  interface SessionData {
    /** An opaque user id, never a name or an email address. */
    subject: string
    /**
     * The session alias: a random id created at sign-in. Lapse gets the alias, because the id in the cookie grants
     * access and must stay secret.
     */
    alias: string
    /** Proves subject and alias to the collector. */
    ticket: string
  }
}
