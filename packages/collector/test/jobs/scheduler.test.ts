import { pino } from 'pino'
import { describe, expect, test, vi } from 'vitest'
import { type Job, startJobs } from '../../src/jobs/scheduler.ts'

function startWithLog(...jobs: readonly Job[]) {
  const logLines: string[] = []
  const scheduler = startJobs(jobs, pino({}, { write: (line) => void logLines.push(line) }))
  return { ...scheduler, logLines }
}

/** Much longer than a run takes, for a busy machine. */
const timeoutMs = 15_000

describe('The scheduler', () => {
  test('runs a periodic job at the start, and repeats it until it is stopped', async () => {
    let runs = 0
    const { stop } = startWithLog({
      name: 'count',
      schedule: { everyMs: 10 },
      async run() {
        runs += 1
      },
    })
    await vi.waitFor(() => expect(runs).toBeGreaterThan(2), timeoutMs)
    await stop()
    const runsAtStop = runs
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(runs).toBe(runsAtStop)
  })

  test('runs a daily job at its time of day, and not before', async () => {
    let startedAt: number | undefined
    const runAt = Math.ceil(Date.now() / 1000) * 1000 + 1000
    const dailyAt = new Date(runAt).toISOString().slice(11, 19)
    const { stop } = startWithLog({
      name: 'daily',
      schedule: { dailyAt },
      async run() {
        startedAt = Date.now()
      },
    })
    await vi.waitFor(() => expect(startedAt).toBeDefined(), timeoutMs)
    await stop()
    // A timer may fire a millisecond early.
    expect(startedAt).toBeGreaterThanOrEqual(runAt - 1)
  })

  test('logs a failed run and repeats the job', async () => {
    let runs = 0
    const { stop, logLines } = startWithLog({
      name: 'fail',
      schedule: { everyMs: 10 },
      async run() {
        runs += 1
        throw new Error('out of order')
      },
    })
    await vi.waitFor(() => expect(runs).toBeGreaterThan(1), timeoutMs)
    await stop()
    expect(JSON.parse(logLines[0] ?? '')).toMatchObject({ level: 50, job: 'fail', msg: 'job failed' })
  })

  test('aborts the signal of a running job when it stops, and waits for the job', async () => {
    const events: string[] = []
    const { stop } = startWithLog({
      name: 'wait',
      schedule: { everyMs: 10 },
      async run(signal) {
        events.push('starts')
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        events.push('is aborted')
        await new Promise((resolve) => setTimeout(resolve, 30))
        events.push('finishes its chunk')
      },
    })
    await vi.waitFor(() => expect(events).toEqual(['starts']), timeoutMs)
    await stop()
    events.push('is stopped')
    expect(events).toEqual(['starts', 'is aborted', 'finishes its chunk', 'is stopped'])
  })
})
