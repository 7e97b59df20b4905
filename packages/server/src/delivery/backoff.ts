const firstDelayMs = 1000
const maxDelayMs = 60_000
const maxRetryAfterMs = 3_600_000

/**
 * Returns how long to wait after a number of failures in a row, in milliseconds: up to 1, 2, 4, … 60 seconds. Up to half
 * of it is random, so that replicas do not return at the same moment.
 *
 * @param retryAfterMs what the collector asked for.
 */
export function computeRetryDelayMs(failures: number, retryAfterMs: number): number {
  const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1)) * (1 - Math.random() / 2)
  return Math.max(delayMs, Math.min(maxRetryAfterMs, retryAfterMs))
}
