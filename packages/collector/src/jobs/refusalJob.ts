import type { Logger } from 'pino'
import { toQuarterHour } from '../domain/alarms/quarterHourCounts.ts'
import type { RefusalCount } from '../domain/alarms/refusals.ts'
import { dayMs, hourMs } from '../domain/durations.ts'
import type { Clock } from '../lifecycle/databaseClock.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

const everyMs = 10_000
const forgetEveryMs = hourMs
const keptMs = 35 * dayMs

interface RefusalJobOptions {
  readonly store: Pick<Store, 'alarms'>
  readonly counter: {
    take(): readonly RefusalCount[]
    restore(counts: readonly RefusalCount[]): void
  }
  readonly clock: Clock
  readonly log: Logger
}

/** Stores how many reports were refused, and deletes counts after 35 days. */
export function createRefusalJob({ store, counter, clock, log }: RefusalJobOptions): Job {
  let forgetAt = 0
  let hasFailed = false
  return {
    name: 'refusals',
    schedule: { everyMs },
    async run() {
      const counts = counter.take()
      try {
        if (counts.length > 0) await store.alarms.addRefusals(counts)
      } catch (error) {
        counter.restore(counts)
        // Logged once: the next run tries again in a few seconds.
        if (!hasFailed) log.warn({ err: error }, 'counts of refused reports could not be stored')
        hasFailed = true
        return
      }
      hasFailed = false
      if (performance.now() < forgetAt) return
      forgetAt = performance.now() + forgetEveryMs
      await store.alarms.forgetRefusals(toQuarterHour(clock.now() - keptMs))
    },
  }
}
