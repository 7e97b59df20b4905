/** What `createLapse` is told. Only `site` and `collector` are required. */
export interface LapseOptions {
  /** The site's name in the collector's configuration. */
  readonly site: string
  /** The collector's address, such as `https://lapse.acme.com`. A path is kept, a trailing slash does no harm. */
  readonly collector: string
  /** Where and how long the marker is kept. */
  readonly cookie?: CookieOptions
  /**
   * The host's idle timeout, in seconds, unless the ticket's `idle` says otherwise. It decides where a response's
   * status is hidden (Safari), on restored pages and for interactions: an access that comes later than this after
   * the last one refreshed no session. Without it, requests of hidden status are not counted.
   */
  readonly idleTimeoutSeconds?: number
  /**
   * What counts as an access: the page's load, its successful same-origin `fetch` and XHR calls, the user's
   * keys and clicks. Choose what refreshes the session on the server.
   *
   * @default ['load', 'request']
   */
  readonly touchOn?: readonly AccessKind[]
  /** Which requests count, by their absolute URL. All of the same origin, unless given. */
  readonly requests?: RegExp
  /**
   * Hears of everything that was refused: storage, cookies, the network, an event. The message says what happened,
   * `cause` holds the rest.
   */
  readonly onError?: OnError
}

/** One thing that counts as an access. */
export type AccessKind = 'load' | 'request' | 'interaction'

/** Told of what went wrong. The page itself never sees an exception. */
export type OnError = (error: Error) => void

/** The marker cookie's attributes. `Secure` is set on https. */
export interface CookieOptions {
  /** @default `lapse-SITE` */
  readonly name?: string
  /** The parent domain, if the login page is on another host name than the application. */
  readonly domain?: string
  /** @default '/' */
  readonly path?: string
  /** @default 'lax' */
  readonly sameSite?: 'strict' | 'lax' | 'none'
  /**
   * How many days the marker, and a lapse that could not be sent, are kept; 400 at most.
   *
   * @default 30
   */
  readonly days?: number
}

/** Whose session it is. All of it optional, none of it a name, an address or the session's own id. */
export interface Identity {
  /** An opaque id of the user (JWT `sub`). */
  readonly subject?: string | undefined
  /** An opaque id of the session (JWT `sid`), the same for the session's whole life. */
  readonly session?: string | undefined
  /** The JWT that the host signed at sign-in. It must fit into a cookie, so about 3 KB. */
  readonly ticket?: string | undefined
}

/** How the client finds out by itself whether there is a session. */
export type SessionLook =
  /** The name of a readable cookie that is there as long as the session is. */
  | { readonly cookie: string; readonly probe?: never }
  /** A URL that answers 2xx with a session and 401 or 403 without; anything else is unknown. */
  | { readonly probe: string; readonly cookie?: never }
  /** True: there is a session. False: there is none. Nothing: unknown, and nothing is reported. */
  | (() => boolean | undefined | Promise<boolean | undefined>)

/** What `absent` is told. */
export interface AbsentOptions {
  /** How to find out whether there is a session, if the page itself can't say. */
  readonly session?: SessionLook
}

/** What `logout` is told. */
export interface LogoutOptions {
  /** Whether the collector is to record the logout. */
  readonly report?: boolean
}

/** Why the session ended, as the collector judges. */
export type Reason =
  | 'clock_anomaly'
  | 'logout'
  | 'revoked'
  | 'displaced'
  | 'idle_timeout'
  | 'absolute_timeout'
  | 'browser_closed'
  | 'ended_early'

/** The collector's answer about one ended session. */
export interface Verdict {
  /** The audit row's id. */
  readonly id: number
  readonly reason: Reason
  /** From the last access to the detection, in milliseconds of the browser's clock. */
  readonly elapsedMs: number
  /** The limit that was applied, in seconds, or null where none is known. */
  readonly idleTimeoutSeconds: number | null
  /** Whether the row was there already. */
  readonly duplicate: boolean
  readonly pending?: never
}

/** The session lapsed, but the collector has not confirmed it yet: it is kept, and sent later. */
export interface Pending {
  readonly pending: true
}
