import type { Logger } from 'pino'
import { minuteMs } from '../domain/durations.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

/** Adds new rows to the rollup every minute, so that a summary of a year does not read every row. */
export function createRollupJob(
  store: Pick<Store, 'rollup'>,
  log: Logger,
  metrics: Pick<Metrics, 'observeSkippedRows'>,
): Job {
  let hasFailed = false
  return {
    name: 'rollup',
    schedule: { everyMs: minuteMs },
    async run(signal) {
      try {
        await store.rollup.update({
          signal,
          onSkipped({ rows, reason, cause }) {
            metrics.observeSkippedRows(rows)
            log.error({ err: cause, rows, reason }, 'skipped rows in the rollup: summaries do not count them')
          },
        })
        hasFailed = false
      } catch (error) {
        // Logged once: an account without the privilege fails every minute.
        if (!hasFailed)
          log.warn({ err: error }, 'the rollup could not be updated: summaries are correct, but slower')
        hasFailed = true
      }
    },
  }
}
