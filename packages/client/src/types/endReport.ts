/** The body of `POST /v1/lapses`: one session has ended. Times are epoch milliseconds of the browser's clock. */
export interface EndReport {
  readonly site: string
  /** The id of the marker. It identifies the session's end, so the collector recognizes a repeated report. */
  readonly marker: string
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly detectedAt: number
  readonly session: string | undefined
  readonly subject: string | undefined
  readonly ticket: string | undefined
  readonly detectedBy: DetectedBy
  /** Whether the browser was closed after the last access. */
  readonly browserRestarted: boolean
  /** The version of this package. */
  readonly client: string
}

/**
 * How the client noticed that a session ended.
 *
 * - `login_page`: a page without a session found a marker
 * - `new_session`: a page found the marker of another session
 * - `logout`: the user signed out
 */
export type DetectedBy = 'login_page' | 'new_session' | 'logout'
