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

interface RefusalJob extends Job {
  /** Stores the counts that are waiting, without an error if that fails. */
  storeCounts(): Promise<void>
}

/** Stores how many reports were refused, and deletes counts after 35 days. */
export function createRefusalJob({ store, counter, clock, log }: RefusalJobOptions): RefusalJob {
  let forgetAt = 0
  let hasFailed = false

  async function storeCounts(): Promise<void> {
    const counts = counter.take()
    if (counts.length === 0) return
    try {
      await store.alarms.addRefusals(counts)
      hasFailed = false
    } catch (error) {
      counter.restore(counts)
      // Logged once: the next run tries again in a few seconds.
      if (!hasFailed) log.warn({ err: error }, 'counts of refused reports could not be stored')
      hasFailed = true
    }
  }

  return {
    name: 'refusals',
    schedule: { everyMs },
    storeCounts,
    async run() {
      await storeCounts()
      if (performance.now() < forgetAt) return
      forgetAt = performance.now() + forgetEveryMs
      try {
        await store.alarms.forgetRefusals(toQuarterHour(clock.now() - keptMs))
      } catch (error) {
        log.warn({ err: error }, 'old counts of refused reports could not be deleted')
      }
    },
  }
}
