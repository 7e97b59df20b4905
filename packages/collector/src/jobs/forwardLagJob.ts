import { LapseError } from '../domain/errors.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

const intervalMs = 15_000

/** Measures how many rows have not been sent yet, whichever process sends them. */
export function createForwardLagJob(
  destinations: readonly string[],
  { feed, forwards }: Pick<Store, 'feed' | 'forwards'>,
  metrics: Pick<Metrics, 'setForwardLag'>,
): Job {
  return {
    name: 'forward lag',
    schedule: { everyMs: intervalMs },
    async run() {
      try {
        const end = await feed.readEnd()
        const positions = new Map(
          (await forwards.list()).map(({ destination, position }) => [destination, position]),
        )
        for (const name of destinations) metrics.setForwardLag(name, end - (positions.get(name) ?? 0))
      } catch (error) {
        // Until the existing rows are in the feed, its end is not known.
        if (!(error instanceof LapseError)) throw error
      }
    },
  }
}
