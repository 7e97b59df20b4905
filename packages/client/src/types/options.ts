import type { LapseClientError } from './errors.ts'

/**
 * The options of `createLapse`. Only `site` and `collector` are required.
 *
 * @example
 * ```ts
 * const lapse = createLapse({
 *   site: 'acme',
 *   collector: 'https://lapse.acme.com',
 *   idleTimeoutSeconds: 1800,
 *   onError: (error) => console.warn(error.code, error.cause),
 * })
 * ```
 */
export interface LapseOptions {
  /**
   * The name of the site in the collector's configuration.
   *
   * Attribute: `data-site`
   */
  readonly site: string

  /**
   * The URL of the collector, for example `https://lapse.acme.com`. It may have a path.
   *
   * Attribute: `data-collector` (default: the origin of the script)
   */
  readonly collector: string

  /**
   * The application's idle timeout, in seconds. If the ticket has an `idle` claim, the client uses that instead.
   *
   * The client needs this limit to decide whether activity came too late to refresh the session. Without it, requests
   * do not count as activity, because a public endpoint also answers without a session. Always set it, or load the
   * script with the name of the site (`/lapse.js?site=acme`), so that the collector inserts the limit.
   *
   * Attribute: `data-idle-timeout-seconds`
   */
  readonly idleTimeoutSeconds?: number | undefined

  /**
   * Turns on activity reports, and sets the shortest time between two of them, in seconds. They tell the collector when
   * the session was last used, so it can list live sessions, and record a timeout even if the user never comes back.
   *
   * `true` stands for the default interval: a quarter of the idle timeout, but at least 15 seconds and at most 5 minutes.
   * No interval is longer than half of the idle timeout. Without a known idle timeout, the default is 15 seconds.
   *
   * The client sends a report when a session starts. Afterwards it sends one only if the session has been used since the
   * last report that the collector has confirmed: when the interval has passed, and when the page is hidden. All tabs
   * together send one report per interval, and up to four more if the user leaves pages often. A page that nobody uses
   * sends nothing. If the collector does not know the endpoint (404 or 405), the client tries again after an hour.
   *
   * Attribute: `data-heartbeat-seconds`, whose empty value stands for `true`
   *
   * @default no activity reports
   */
  readonly heartbeatSeconds?: number | true | undefined

  /**
   * What counts as activity. Choose what refreshes the session on the server.
   *
   * Attribute: `data-touch-on`, separated by spaces
   *
   * @default ['load', 'request']
   */
  readonly touchOn?: readonly ActivityKind[]

  /**
   * Which requests count as activity: a pattern that is matched against the absolute URL. It may match the URLs of an
   * API on another origin.
   *
   * Attribute: `data-requests`, the source of the pattern
   *
   * @default all same-origin requests
   */
  readonly requests?: RegExp

  /**
   * The name, scope and lifetime of the marker cookie.
   *
   * @default the defaults of its fields
   */
  readonly cookie?: CookieOptions | undefined

  /**
   * Called for every problem, because the client never throws into the page. `error.code` says what happened.
   *
   * Attribute: `data-on-error`, the name of a global function
   */
  readonly onError?: ErrorHandler | undefined
}

/**
 * A kind of activity.
 *
 * - `load`: `active()` is called, which means that a page of the session was loaded
 * - `request`: a `fetch` or XMLHttpRequest succeeded; by default one to the origin of the page
 * - `interaction`: the user pressed a key or a pointer button
 */
export type ActivityKind = 'load' | 'request' | 'interaction'

/** A function that receives every problem of the client. */
export type ErrorHandler = (error: LapseClientError) => void

/** The name, scope and lifetime of the marker cookie. On https the cookie is always `Secure`. */
export interface CookieOptions {
  /**
   * The name of the cookie.
   *
   * Attribute: `data-cookie-name`
   *
   * @default `lapse-SITE`
   */
  readonly name?: string

  /**
   * The domain of the cookie. Set it to the common parent domain if the login page is on another host than the
   * application.
   *
   * Attribute: `data-cookie-domain`
   *
   * @default the host of the page
   */
  readonly domain?: string

  /**
   * The path of the cookie.
   *
   * Attribute: `data-cookie-path`
   *
   * @default '/'
   */
  readonly path?: string

  /**
   * The `SameSite` attribute of the cookie.
   *
   * Attribute: `data-cookie-same-site`
   *
   * @default 'lax'
   */
  readonly sameSite?: 'strict' | 'lax' | 'none'

  /**
   * How long the browser keeps the marker, and the client keeps an unconfirmed report, in days. At most 400.
   *
   * Attribute: `data-cookie-days`
   *
   * @default 30
   */
  readonly days?: number

  /**
   * Whether browsers keep a separate cookie for each site that embeds the page (CHIPS). Set it for a page in an iframe
   * on other sites, together with `sameSite: 'none'`.
   *
   * Attribute: `data-cookie-partitioned="true"`
   *
   * @default false
   */
  readonly partitioned?: boolean
}
