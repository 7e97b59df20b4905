import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Metrics } from '../observability/metrics.ts'
import type { Store } from '../store/openStore.ts'

interface RollingUp {
  /** Ends it, after the chunk that is being counted. */
  stop(): Promise<void>
}

const everyMs = 60_000

/** Counts new rows into the rollup every minute, so that a summary of a year need not read them. */
export function startRollingUp(
  store: Pick<Store, 'rollup'>,
  log: Logger,
  metrics: Pick<Metrics, 'observeSkippedRows'>,
): RollingUp {
  const stopping = new AbortController()
  const { signal } = stopping
  let hasFailed = false

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await store.rollup.update({
          signal,
          onSkipped({ rows, reason, cause }) {
            metrics.observeSkippedRows(rows)
            log.error({ err: cause, rows, reason }, 'rows could not be rolled up: summaries lack them')
          },
        })
        hasFailed = false
      } catch (error) {
        // Once is enough: an account without the right will not have it in a minute.
        if (!hasFailed)
          log.warn({ err: error }, 'rows could not be rolled up: summaries are right, but slower')
        hasFailed = true
      }
      // A wait that is cut off by stopping ends the loop.
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
