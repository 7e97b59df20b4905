import type { Logger } from 'pino'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

/** How long a row waits at most until readers of the feed can see it, in milliseconds. */
const intervalMs = 500

/** Adds new rows to the feed, so that its readers miss none of them. */
export function createFeedJob({ feedSequencer }: Pick<Store, 'feedSequencer'>, log: Logger): Job {
  let hasFailed = false
  return {
    name: 'feed',
    schedule: { everyMs: intervalMs },
    async run(signal) {
      try {
        await feedSequencer.numberRows(signal)
        if (hasFailed) log.info('the feed is updated again')
        hasFailed = false
      } catch (error) {
        // Logged once: an account without the privilege fails twice a second.
        if (!hasFailed)
          log.warn(
            { err: error },
            'the feed could not be updated: its readers receive no new rows until that succeeds',
          )
        hasFailed = true
      }
    },
  }
}
