import type { EndReport } from './endReport.ts'

/**
 * The error codes of the client, with the type of `error.cause` for each code.
 *
 * | code | what happened | what to do |
 * | --- | --- | --- |
 * | `marker_damaged` | The marker cookie was damaged. The client removed it. | Check whether other code writes cookies named `lapse-SITE`. |
 * | `marker_refused` | The browser did not store the marker cookie: it blocks cookies, or the value is longer than 4,000 characters. | Shorten the ticket. Check the option `cookie`. |
 * | `storage_refused` | The browser blocks `localStorage`, or it is full. The marker stays until the collector has confirmed the report. | Nothing, if the user blocks storage. Otherwise free some storage. |
 * | `report_evicted` | More than 20 reports were waiting. The client dropped the oldest. | Check why the collector does not confirm reports. |
 * | `report_pending` | The collector could not be reached, or did not confirm the report. The client keeps the report and sends it again. | Check the response: 401, 403 and 404 need a change in the configuration. Without a response, check the network and the page's content security policy. |
 * | `report_refused` | The collector refused the report itself (400, 413, 415 or 422). The client dropped it. | Fix what the response names. |
 * | `report_expired` | The collector had not confirmed the report within `cookie.days`. The client dropped it. | As for `report_pending`. |
 * | `unexpected` | The option `session` threw an exception, the probe got no response, or the browser refused something. | Read the cause. |
 *
 * `report_pending` and `report_refused` also concern activity reports (`heartbeatSeconds`). The client sends the last
 * activity again after a `report_pending`, and waits for further activity after a `report_refused`.
 */
export interface LapseClientErrorCauses {
  /** The value of the cookie. */
  readonly marker_damaged: string
  /** The value of the cookie. */
  readonly marker_refused: string
  /** The exception of the browser. */
  readonly storage_refused: unknown
  /** The dropped report, or `undefined` if it was damaged. */
  readonly report_evicted: EndReport | undefined
  /** What came back, if anything. */
  readonly report_pending: Delivery
  /** What came back. */
  readonly report_refused: Delivery
  /** What came back for the last attempt, if anything. */
  readonly report_expired: Delivery
  /** The exception. */
  readonly unexpected: unknown
}

/** A code that says what happened. {@link LapseClientErrorCauses} explains each code. */
export type LapseClientErrorCode = keyof LapseClientErrorCauses

/**
 * The error that `onError` receives. Compare `code` to narrow the type of `cause`.
 *
 * @example
 * ```ts
 * createLapse({
 *   site: 'acme',
 *   collector: 'https://lapse.acme.com',
 *   idleTimeoutSeconds: 1800,
 *   onError(error) {
 *     if (error.code === 'report_refused') console.error(error.cause.body)
 *   },
 * })
 * ```
 */
export type LapseClientError = {
  [Code in LapseClientErrorCode]: Error & {
    readonly name: 'LapseClientError'
    readonly code: Code
    readonly cause: LapseClientErrorCauses[Code]
  }
}[LapseClientErrorCode]

/** What came back for a report: a response, or the reason why there was none. */
export type Delivery =
  | {
      /** The response of the collector. Its body has been read. */
      readonly response: Response
      /** The JSON body of the response, usually a problem (RFC 9457), or `undefined` if the body was not JSON. */
      readonly body: unknown
    }
  | {
      readonly response?: never
      readonly body?: never
      /** The exception of `fetch`. */
      readonly error: unknown
    }
