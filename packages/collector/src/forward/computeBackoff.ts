const firstWaitMs = 1_000
const maxWaitMs = 60_000

/**
 * Computes how long to wait after a failure, in milliseconds: twice as long each time, up to a minute, but at least as
 * long as the receiver asks. Half of it is random, so that many senders do not try again at the same time.
 *
 * @param failures how many attempts have failed in succession, at least 1.
 */
export function computeBackoffMs(failures: number, retryAfterMs = 0, random = Math.random()): number {
  const waitMs = Math.min(firstWaitMs * 2 ** Math.min(failures - 1, 10), maxWaitMs)
  return Math.max((waitMs * (1 + random)) / 2, retryAfterMs)
}
