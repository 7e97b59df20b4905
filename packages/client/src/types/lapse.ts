import type { Outcome } from './verdict.ts'

/**
 * The client of one site, created by `createLapse`. No method throws: problems are passed to the option `onError`.
 */
export interface Lapse {
  /**
   * Call this when the page has a session. It creates the marker, or refreshes it, and starts to watch for activity.
   *
   * If the marker belongs to another session, the end of that session went unnoticed, and the client reports it first.
   * Two sessions differ if their aliases (`session`) differ or, if one alias is unknown, if their subjects differ.
   *
   * A page may know less than the client, for example while it refreshes the state of its session. So the call does not
   * count as activity if the idle timeout has passed since the last activity, unless the page was loaded after that
   * activity or the call brings `lastAccessAt`. The call does nothing if it repeats an alias that the page has stated
   * before, and the marker has been removed or belongs to another session.
   *
   * @example
   * ```ts
   * lapse.active({ subject: 'u_42', session: 'a1f…' })
   * ```
   */
  active(identity?: Identity): void

  /**
   * Call this when the page has no session. If there is a marker, the session has ended, and the client reports it.
   * With the option `session`, the client first checks whether there is a session.
   *
   * After a 401 in a single-page application, call this before the user signs in again. Otherwise the request of the
   * sign-in counts as the last access of the old session.
   *
   * @returns `null` if no session ended, the collector's verdict if one did, or `{ pending: true }` if the collector
   * has not confirmed the report yet. The client keeps a pending report and sends it again later.
   *
   * @example
   * ```ts
   * const ended = await lapse.absent()
   * if (ended && !ended.pending) console.log(ended.reason, ended.elapsedMs)
   * ```
   */
  absent(options?: AbsentOptions): Promise<Outcome>

  /**
   * Call this when the user signs out. It removes the marker and tells the collector.
   *
   * If a limit was reached before, the collector records that timeout: the user signed out on a page whose session had
   * already ended. Otherwise it records the logout if the site's `recordLogouts` or the option `report` says so.
   *
   * @returns the same as `absent`
   *
   * @example
   * ```ts
   * lapse.logout()
   * ```
   */
  logout(options?: LogoutOptions): Promise<Outcome>

  /**
   * Call this for activity that the client cannot see, such as a request to another origin. It updates an existing
   * marker and never creates one.
   */
  touch(): void

  /** Removes all observers. The marker stays. */
  stop(): void
}

/**
 * Whose session it is. Every field is optional.
 *
 * Never use a name, an email address or the session's own id here.
 */
export interface Identity {
  /**
   * An opaque id of the user (JWT `sub`). An integer is converted to a string.
   *
   * Attribute: `data-subject`
   */
  readonly subject?: string | number | undefined

  /**
   * The session alias: an opaque id of the session (JWT `sid`) that stays the same for the session's whole life.
   * An integer is converted to a string.
   *
   * Attribute: `data-session`
   */
  readonly session?: string | number | undefined

  /**
   * The JWT that the application signed at sign-in. It is kept in the marker cookie, so it must be shorter than about
   * 3 KB.
   *
   * Attribute: `data-ticket`
   */
  readonly ticket?: string | undefined

  /**
   * When the server last saw this session used, in epoch milliseconds. The client takes the server's word, and does not
   * count the call itself as activity.
   *
   * Attribute: `data-last-access-at`
   */
  readonly lastAccessAt?: number | undefined
}

/** The options of `absent`. */
export interface AbsentOptions {
  /**
   * How the client checks whether there is a session. Without it, the call itself states that there is none.
   *
   * Attributes: `data-state="cookie:NAME"`, `data-state="probe:URL"`
   *
   * @example
   * ```ts
   * await lapse.absent({ session: { probe: '/api/me' } })
   * ```
   */
  readonly session?: SessionCheck
}

/**
 * One of three ways to check whether there is a session:
 *
 * - `{ cookie: 'name' }`: there is a session if scripts can read a cookie of this name.
 * - `{ probe: '/api/me' }`: the client fetches this URL. 401, 403, a redirect, and a 2xx status with the JSON body
 *   `null`, `false` or `{}` mean no session. Any other 2xx status means a session, unless the response is HTML.
 * - a function, which may be async: `true` means a session, `false` no session.
 *
 * Every other result means that the answer is unknown, and nothing is reported.
 */
export type SessionCheck =
  | { readonly cookie: string; readonly probe?: never }
  | { readonly probe: string; readonly cookie?: never }
  | (() => boolean | undefined | Promise<boolean | undefined>)

/** The options of `logout`. */
export interface LogoutOptions {
  /**
   * Whether the collector records the logout even if the site's `recordLogouts` is off.
   *
   * @default false
   */
  readonly report?: boolean | undefined

  /**
   * `'idle_timeout'` if the application's own idle timer ended the session. The collector records that timeout.
   *
   * Attribute: `data-lapse-logout="idle_timeout"`
   */
  readonly reason?: 'idle_timeout' | undefined
}
