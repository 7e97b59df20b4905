import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until `work` has settled, but no longer than `ms` milliseconds.
 *
 * @returns whether it has settled.
 * @throws what `work` rejects with.
 */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController()
  try {
    // Aborting the sleep rejects it, but by then the race is over.
    const expired = sleep(ms, false, { signal: waiting.signal }).catch(() => false)
    return await Promise.race([work.then(() => true), expired])
  } finally {
    waiting.abort()
  }
}
