import { msPerHour, msPerSecond } from '../shared/time.ts'

/** The statuses that refuse the report itself. Every other failure may be temporary. */
const rejectedStatuses: readonly (number | undefined)[] = [400, 413, 415, 422]

/** Says whether a report that was not confirmed is kept (`report_pending`) or dropped. */
export function classifyFailure(status: number | undefined, ageMs: number, maxAgeMs: number) {
  if (rejectedStatuses.includes(status)) return 'report_refused'
  return ageMs > maxAgeMs ? 'report_expired' : 'report_pending'
}

/**
 * Returns how long to wait before a report is sent again, in milliseconds.
 *
 * The delay is about as long as the report has waited already, so it grows from a second to an hour without a counter.
 * Up to half of it is random, so that browsers do not all return at the same moment.
 *
 * @param waitedMs how long the report has waited already
 * @param retryAfter the collector's `Retry-After` header, in seconds, which is added
 */
export function computeRetryDelayMs(waitedMs: number, retryAfter?: string | null): number {
  const retryAfterMs = Number(retryAfter) * msPerSecond || 0
  return retryAfterMs + Math.min(msPerHour, waitedMs + msPerSecond) * (1 - Math.random() / 2)
}
