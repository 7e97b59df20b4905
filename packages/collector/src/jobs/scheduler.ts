import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { dayMs } from '../domain/durations.ts'

/**
 * Work that a collector repeats as long as it runs. To add a job, write a file like `rollupJob.ts`, and start it in
 * `server.ts`.
 */
export interface Job {
  readonly name: string
  readonly schedule: Schedule
  /** Does the work once. When the signal is aborted, it finishes the current chunk and returns. */
  run(signal: AbortSignal): Promise<void>
}

type Schedule =
  /** At the start, then again `everyMs` milliseconds after each run. */
  | { readonly everyMs: number }
  /** Once a day at a time of day in UTC, such as `03:00`. */
  | { readonly dailyAt: string }

export interface Scheduler {
  /** Stops all jobs. Resolves when their current chunks are finished. */
  stop(): Promise<void>
}

/** Starts jobs concurrently. A job never overlaps with itself, and a failed run does not prevent the next one. */
export function startJobs(jobs: readonly Job[], log: Logger): Scheduler {
  const stopping = new AbortController()
  const { signal } = stopping

  async function runJob({ name, schedule, run }: Job): Promise<void> {
    if ('dailyAt' in schedule) await waitForNext(schedule, signal)
    while (!signal.aborted) {
      try {
        await run(signal)
      } catch (error) {
        log.error({ err: error, job: name }, 'job failed')
      }
      await waitForNext(schedule, signal)
    }
  }

  const running = jobs.map(runJob)
  return {
    async stop() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function waitForNext(schedule: Schedule, signal: AbortSignal): Promise<void> {
  const waitMs = 'everyMs' in schedule ? schedule.everyMs : computeMsUntil(schedule.dailyAt, Date.now())
  // Stopping aborts the wait.
  await sleep(waitMs, undefined, { signal }).catch(() => {})
}

/** @returns milliseconds from `now` (epoch milliseconds) until the next such time of day in UTC; never 0. */
function computeMsUntil(timeOfDay: string, now: number): number {
  const offset = Date.parse(`1970-01-01T${timeOfDay}Z`)
  return dayMs - ((now - offset) % dayMs)
}
