import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type Disturbance, markIntervalMs, staleMarkMs } from '../domain/disturbance.ts'
import type { DatabaseClock } from '../lifecycle/databaseClock.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

interface MarkJobOptions {
  readonly store: Pick<Store, 'marks'>
  readonly clock: Pick<DatabaseClock, 'synchronize'>
  /** How many activity reports could not be stored. */
  readonly unstoredActivity: { readonly count: number }
  readonly log: Logger
}

/** Marks that this collector is running. */
export interface MarkJob extends Job {
  /** The id of this process. */
  readonly id: string
  /** Whether activity could not be stored, which no mark has noted yet. */
  readonly hasUnnotedFailure: boolean
  /** Why this collector could not be marked last; undefined if it could. */
  readonly failure: unknown
  /** Notes that this collector stops in order, so that the sweep of the others does not have to wait. */
  signOff(): Promise<void>
}

/** How often the log repeats that reports may be missing. */
const logIntervalMs = 60_000

/**
 * Marks this collector in the database every second, and notes when reports of activity may be missing: the sweep then
 * waits for one heartbeat plus the slack before it takes a session for idle.
 */
export function createMarkJob({ store, clock, unstoredActivity, log }: MarkJobOptions): MarkJob {
  const id = randomUUID()
  let notedFailures = 0
  let markedAt = Number.NEGATIVE_INFINITY
  let interruptedAt = 0
  let failure: unknown
  let loggedAt = Number.NEGATIVE_INFINITY

  function logDisturbances(disturbances: readonly Disturbance[]): void {
    if (disturbances.length === 0 || performance.now() - loggedAt < logIntervalMs) return
    loggedAt = performance.now()
    log.warn(
      { causes: disturbances.map(describeDisturbance) },
      'activity reports may be missing: the sweep pauses for one heartbeat plus the slack',
    )
  }

  return {
    id,
    name: 'mark',
    schedule: { everyMs: markIntervalMs },
    get hasUnnotedFailure() {
      return unstoredActivity.count !== notedFailures
    },
    get failure() {
      return failure
    },
    async run() {
      const failures = unstoredActivity.count
      const startedAt = performance.now()
      // After an interruption, such as an outage of the database, the other collectors need time to mark themselves.
      if (startedAt - markedAt > staleMarkMs) interruptedAt = startedAt
      try {
        const { databaseTime, readAt, disturbances } = await store.marks.mark({
          id,
          hasUnstoredActivity: failures !== notedFailures,
          judgesOthers: startedAt - interruptedAt > staleMarkMs,
        })
        notedFailures = failures
        markedAt = readAt
        clock.synchronize(databaseTime, readAt)
        logDisturbances(disturbances)
        if (failure !== undefined) log.info('timeouts are recorded again')
        failure = undefined
      } catch (error) {
        // Logged once: it is repeated every second.
        if (failure === undefined)
          log.warn(
            { err: error },
            'this collector could not be marked as running: it records no timeouts until that succeeds',
          )
        failure = error
      }
    },
    async signOff() {
      try {
        await store.marks.signOff({ id, hasUnstoredActivity: unstoredActivity.count !== notedFailures })
      } catch (error) {
        log.warn({ err: error }, 'the end of this collector could not be noted: other collectors sweep later')
      }
    },
  }
}

function describeDisturbance(disturbance: Disturbance): string {
  switch (disturbance.kind) {
    case 'unstored':
      return 'this collector could not store activity'
    case 'gap':
      return `no collector was running, or none could reach the database, for ${Math.round(disturbance.gapMs / 1000)} seconds`
    case 'lost':
      return `collectors have stopped unexpectedly: ${disturbance.ids.length}`
  }
}
