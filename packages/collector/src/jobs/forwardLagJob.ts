import { LapseError } from '../domain/errors.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

const intervalMs = 5_000

/** Measures how far each destination is, whichever process sends the rows. */
export function createForwardLagJob(
  destinations: readonly string[],
  { feed, forwards }: Pick<Store, 'feed' | 'forwards'>,
  metrics: Pick<Metrics, 'setForwardLag' | 'setForwardConfirmation'>,
): Job {
  return {
    name: 'forward lag',
    schedule: { everyMs: intervalMs },
    async run() {
      const states = new Map((await forwards.list()).map((state) => [state.destination, state]))
      for (const name of destinations) metrics.setForwardConfirmation(name, states.get(name)?.updatedAt)
      const end = await readEnd(feed)
      if (end === undefined) return
      for (const name of destinations) metrics.setForwardLag(name, end - (states.get(name)?.position ?? 0))
    },
  }
}

/** @returns undefined while the end is not known, because existing rows are still being added to the feed. */
async function readEnd(feed: Store['feed']): Promise<number | undefined> {
  try {
    return await feed.readEnd()
  } catch (error) {
    if (error instanceof LapseError) return undefined
    throw error
  }
}
