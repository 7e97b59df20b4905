import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for `work` for at most so many milliseconds. Says whether it has come to its end. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController()
  try {
    // A wait that is cut off has lost the race.
    const expired = sleep(ms, false, { signal: waiting.signal }).catch(() => false)
    return await Promise.race([work.then(() => true), expired])
  } finally {
    waiting.abort()
  }
}
