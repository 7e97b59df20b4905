/**
 * A report that a session has ended. The client adds `sentAt` when it sends the report to `POST /v1/lapses`. Times are
 * epoch milliseconds of the browser's clock.
 */
export interface EndReport {
  /** The application, as `createLapse` names it. */
  readonly site: string
  /** The id of the marker. It identifies the session's end, so the collector recognizes a repeated report. */
  readonly marker: string
  /** When the session started. */
  readonly startedAt: number
  /** When the session was last used. */
  readonly lastAccessAt: number
  /** When the end was detected. */
  readonly detectedAt: number
  /** The alias of the session. */
  readonly session: string | undefined
  /** The id of the user. */
  readonly subject: string | undefined
  /** The ticket that the application signed. */
  readonly ticket: string | undefined
  /** How the end was detected. */
  readonly detectedBy: DetectedBy
  /** Whether the browser was closed after the last access. */
  readonly browserRestarted: boolean
  /** The version of this package. */
  readonly client: string
  /** For a logout: `idle_timeout` if the application's own idle timer ended the session. */
  readonly reason?: 'idle_timeout' | undefined
  /** For a logout: whether the collector records it in any case. */
  readonly report?: boolean | undefined
}

/**
 * How the client detected that a session ended.
 *
 * - `login_page`: a page without a session found a marker
 * - `new_session`: a page found the marker of another session
 * - `logout`: the user signed out
 */
export type DetectedBy = 'login_page' | 'new_session' | 'logout'
