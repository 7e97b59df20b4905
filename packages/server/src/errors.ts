/**
 * What can go wrong. `createLapseServer`, `createSession` and `ticket` throw these errors. All others are passed to the event
 * `error`.
 *
 * | code | what happened | what to do |
 * | --- | --- | --- |
 * | `invalid_option` | An option is missing or has a wrong value. | Correct the option that the message names. |
 * | `invalid_report` | A value that was passed to a method is missing or wrong. Nothing was reported. | Correct the value that the message names. |
 * | `collector_unavailable` | The collector could not be reached, or it asked to wait. The reports are kept and sent again. | Check the collector and the network in between. |
 * | `collector_refused` | The collector refused the token or the site. The reports are kept and sent again. | Check `token` and `site`. The message contains the response. |
 * | `report_refused` | The collector refused a report itself. The report was dropped. | Fix what the message names. |
 * | `queue_full` | More than `maxQueuedReports` reports were waiting. Some were dropped. | Check why the collector does not accept reports. |
 * | `queue_unavailable` | The folder of the option `queue` cannot be read or written. Reports are kept in memory only. | Check the folder, its permissions and the free space. |
 * | `closed` | A report was made after `close`, or could not be sent before `close` gave up. | Call `close` last, when no more requests arrive. |
 * | `unexpected` | A listener or the host's library threw an exception. | Read the `cause`. |
 */
export type LapseServerErrorCode =
  | 'invalid_option'
  | 'invalid_report'
  | 'collector_unavailable'
  | 'collector_refused'
  | 'report_refused'
  | 'queue_full'
  | 'queue_unavailable'
  | 'closed'
  | 'unexpected'

/** The only error of this package. Compare `code` to tell the causes apart. */
export class LapseServerError extends Error {
  override readonly name = 'LapseServerError'
  readonly code: LapseServerErrorCode

  constructor(code: LapseServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Creates the error for a value that was passed to a method and is wrong. */
export function createInvalidReportError(message: string): LapseServerError {
  return new LapseServerError('invalid_report', message)
}
