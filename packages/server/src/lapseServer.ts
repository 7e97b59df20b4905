import type { LapseServerEvents } from './events.ts'
import type { ActivityInput, EndInput, SubjectEndInput } from './reports.ts'
import type { TagOptions } from './session/renderTag.ts'
import type { Session, StoredSession } from './session/session.ts'

/**
 * Reports the sessions of one site to the collector, created by `createLapseServer`.
 *
 * Apart from `ticket` and `createSession`, no method throws: problems are passed to the event `error`. No method waits
 * for the collector, apart from `close`.
 */
export interface LapseServer {
  /**
   * Creates what to store in the session's data at sign-in: the subject, a random alias, and the time. Pass it to all
   * other methods.
   *
   * @throws {LapseServerError} `invalid_report` if the subject is not an id.
   *
   * @example
   * ```ts
   * request.session.lapse = lapse.createSession('u_42')
   * ```
   */
  createSession(subject: string | number): StoredSession

  /**
   * Signs a ticket. The ticket of a session is always the same, so it need not be stored. (An ES256 signature differs
   * each time; the claims do not.)
   *
   * @throws {LapseServerError} `invalid_report` if the session is not valid, `invalid_option` if there is neither
   * `ticketSecret` nor `ticketKey`.
   */
  ticket(session: Session): string

  /**
   * Renders the script tag, with a ticket if there is a key. Without a session (`null`), it says that there is none.
   * Put it into the page without escaping it again.
   *
   * @returns an empty string if the session is not valid. The event `error` says why.
   *
   * @example
   * ```ts
   * const html = `<body>…${lapse.tag(request.session.lapse ?? null, { nonce })}</body>`
   * ```
   */
  tag(session: Session | null, options?: TagOptions): string

  /**
   * Reports that a session is in use. Call it for every request that extends the session. A session is reported at most
   * once per `heartbeatSeconds`: its first use at once, its last use at the end of the interval.
   */
  active(activity: ActivityInput): void

  /**
   * Reports that a session has ended, or, without `session`, that all live sessions of a user have ended.
   *
   * Call it before you end the session, if you can: as soon as the session is gone, its browser may report it too.
   *
   * @example
   * ```ts
   * lapse.ended({ session: 'a1f…', subject: 'u_42', reason: 'revoked' })
   * lapse.ended({ subject: 'u_42', reason: 'revoked', except: 'a1f…' }) // after a change of the password
   * ```
   */
  ended(end: EndInput | SubjectEndInput): void

  /** Adds a listener. */
  on<Name extends keyof LapseServerEvents>(
    name: Name,
    listener: (...args: LapseServerEvents[Name]) => void,
  ): LapseServer

  /** Removes a listener. */
  off<Name extends keyof LapseServerEvents>(
    name: Name,
    listener: (...args: LapseServerEvents[Name]) => void,
  ): LapseServer

  /** Passes an error to the event `error`. For integrations with frameworks. */
  reportError(error: unknown): void

  /** Says how well reports get through. */
  health(): Health

  /**
   * Sends what is buffered, and stops. Call it last, when no more requests arrive.
   *
   * Reports that could not be sent within the time stay in the folder of the option `queue`. Without that option, they
   * are dropped.
   */
  close(options?: CloseOptions): Promise<void>

  /** Calls `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The options of `close`. */
export interface CloseOptions {
  /**
   * How long to wait for the collector, in milliseconds.
   *
   * @default 5000
   */
  readonly timeoutMs?: number | undefined
}

/** How well reports get through. All counts are since the start of the process. */
export interface Health {
  /** `degraded` while the collector does not accept reports, or the folder of the queue is unavailable. */
  readonly status: 'ok' | 'degraded'
  /** How many reports wait for the collector. */
  readonly queued: number
  /** How many reports the collector has committed. */
  readonly reported: number
  /** How many reports were dropped. */
  readonly dropped: number
  /** Epoch milliseconds of the last time that the collector committed reports. */
  readonly lastReportedAt: number | undefined
  /** The cause of `degraded`. */
  readonly lastError: Error | undefined
}
