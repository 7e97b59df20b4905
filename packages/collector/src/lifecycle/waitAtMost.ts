import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for `work`, but no longer than `ms` milliseconds. @returns whether `work` is done. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController()
  try {
    // An aborted wait has lost the race.
    const expired = sleep(ms, false, { signal: waiting.signal }).catch(() => false)
    return await Promise.race([work.then(() => true), expired])
  } finally {
    waiting.abort()
  }
}
