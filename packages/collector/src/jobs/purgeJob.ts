import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { PurgeIncompleteError } from '../store/audit/purge.ts'
import { LeaseHeldError } from '../store/database/lease.ts'
import type { Store } from '../store/openStore.ts'
import { computeRetentionCutoffs } from './retention.ts'

interface DailyPurge {
  /** Ends it, after the chunk that is being deleted. */
  stop(): Promise<void>
}

const dayMs = 86_400_000

/** Deletes every day, at a time of day in UTC, what is kept no longer. Of several replicas one at a time does it. */
export function startDailyPurge(
  { purge, sites }: Pick<Config, 'purge' | 'sites'>,
  store: Store,
  log: Logger,
): DailyPurge {
  const stopping = new AbortController()
  const { signal } = stopping

  async function purgeOnce(): Promise<void> {
    try {
      const now = new Date()
      await store.retention.assertClockIsPlausible(now)
      const deleted = await store.retention.purge(computeRetentionCutoffs(now, sites), { signal })
      log.info({ deleted }, 'deleted the rows that are kept no longer')
    } catch (error) {
      if (error instanceof LeaseHeldError)
        log.info('another process deletes the rows that are kept no longer')
      else if (error instanceof PurgeIncompleteError)
        for (const failure of error.failures)
          log.error(
            { err: failure.error, site: failure.site, deleted: error.deleted },
            'not all rows of a site that are kept no longer could be deleted',
          )
      else log.error({ err: error }, 'the rows that are kept no longer could not be deleted')
    }
  }

  async function run(timeOfDay: string): Promise<void> {
    for (;;) {
      // A wait that is cut off by stopping ends the loop.
      await sleep(untilNext(timeOfDay, Date.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await purgeOnce()
    }
  }

  const running = purge ? run(purge.dailyAt) : undefined
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** @returns milliseconds from `now` (epoch milliseconds) until the next such time of day; never 0. */
function untilNext(timeOfDay: string, now: number): number {
  const offset = Date.parse(`1970-01-01T${timeOfDay}Z`)
  return dayMs - ((now - offset) % dayMs)
}
