import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { dayMs, minuteMs } from '../domain/durations.ts'
import type { Clock } from '../lifecycle/databaseClock.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SweepPosition } from '../store/live/sweepRepository.ts'
import type { Store } from '../store/openStore.ts'
import type { MarkJob } from './markJob.ts'
import type { Job } from './scheduler.ts'

interface SweepJobOptions {
  readonly config: Pick<Config, 'sweep' | 'sites'>
  readonly store: Pick<Store, 'sweep'>
  readonly marks: Pick<MarkJob, 'id' | 'hasUnnotedFailure' | 'failure'>
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'observeSweep' | 'observeTimeout' | 'setLiveSessions'>
  readonly log: Logger
}

/** A run stops after this many refused rows, because each takes its own transaction in MySQL and MariaDB. */
const maxRefusals = 1_000

/** What one run did. */
interface Progress {
  recorded: number
  removed: number
  refused: number
  refusal: unknown
  isFinished: boolean
}

/** Records the timeouts of live sessions whose time has run out, so that users who do not return are on record too. */
export function createSweepJob({
  config,
  store: { sweep },
  marks,
  clock,
  metrics,
  log,
}: SweepJobOptions): Job {
  let position: SweepPosition | undefined
  const logRun = createRunLogger(log)
  const keepHouse = createHousekeeping({ config, sweep, clock, metrics })

  /** Sweeps chunks until nothing is due. */
  async function sweepChunks(progress: Progress, signal: AbortSignal, maxChunks = Number.POSITIVE_INFINITY) {
    for (let chunks = 0; chunks < maxChunks && !progress.isFinished && !signal.aborted; chunks++) {
      // Reports that could not be stored are noted with the next mark. Until then, nobody is idle.
      if (marks.hasUnnotedFailure || progress.refused >= maxRefusals) return
      const chunk = await sweep.sweepChunk({ collectorId: marks.id, after: position })
      for (const row of chunk.rows) metrics.observeTimeout(row)
      progress.recorded += chunk.rows.length
      progress.removed += chunk.removed
      progress.refused += chunk.refusals.length
      progress.refusal ??= chunk.refusals[0]
      position = chunk.next
      if (!chunk.next) progress.isFinished = true
    }
  }

  async function sweepAll(progress: Progress, signal: AbortSignal): Promise<void> {
    await sweepChunks(progress, signal, 1)
    // Several transactions at the same time are faster, but most runs need only one.
    const loops = Array.from({ length: sweep.concurrency }, () => sweepChunks(progress, signal))
    const failed = (await Promise.allSettled(loops)).find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  return {
    name: 'sweep',
    schedule: { everyMs: config.sweep.everySeconds * 1000 },
    async run(signal) {
      const startedAt = performance.now()
      const progress: Progress = {
        recorded: 0,
        removed: 0,
        refused: 0,
        refusal: undefined,
        isFinished: false,
      }
      let failure: unknown
      try {
        await sweepAll(progress, signal)
        await keepHouse()
      } catch (error) {
        failure = error
      }
      // After many refusals, the next run continues after them, so that they do not hold up the others.
      if (progress.refused < maxRefusals) position = undefined
      const durationMs = performance.now() - startedAt
      metrics.observeSweep({ durationMs, failure: failure ?? progress.refusal ?? marks.failure })
      logRun(progress, durationMs, failure)
    },
  }
}

/** How long an unrecorded logout stops late reports of activity. */
const logoutMemoryMs = dayMs
const forgetIntervalMs = minuteMs
/** Counting a million sessions takes a quarter of a second. It should not take more than a hundredth of the time. */
const countingShare = 0.01

type HousekeepingOptions = Pick<SweepJobOptions, 'config' | 'clock' | 'metrics'> & Pick<Store, 'sweep'>

/** Forgets old logouts and counts the live sessions, from time to time. */
function createHousekeeping({ config, sweep, clock, metrics }: HousekeepingOptions): () => Promise<void> {
  let forgetAt = 0
  let countAt = 0
  return async () => {
    const startedAt = performance.now()
    if (startedAt >= forgetAt) {
      await sweep.forgetLogouts(new Date(clock.now() - logoutMemoryMs))
      forgetAt = startedAt + forgetIntervalMs
    }
    if (startedAt < countAt) return
    const countedAt = performance.now()
    const counts = await sweep.countBySite()
    const now = performance.now()
    countAt = now + (now - countedAt) / countingShare
    const sites = Object.keys(config.sites).map((site) => [site, 0] as const)
    metrics.setLiveSessions(new Map([...sites, ...counts]))
  }
}

function createRunLogger(log: Logger) {
  let hasFailed = false
  let hasRefused = false
  return ({ recorded, removed, refused, refusal }: Progress, durationMs: number, failure: unknown): void => {
    if (recorded + removed > 0)
      log.info(
        { recorded, removed, durationMs: Math.round(durationMs) },
        'recorded timeouts of sessions whose users did not return',
      )
    // Logged once each: the next sweep tries again in a few seconds.
    if (refused > 0 && !hasRefused)
      log.error(
        { err: refusal, refused },
        'the database refused timeouts of live sessions: their rows are missing',
      )
    if (failure !== undefined && !hasFailed)
      log.error({ err: failure }, 'timeouts of live sessions could not be recorded')
    hasRefused = refused > 0
    hasFailed = failure !== undefined
  }
}
