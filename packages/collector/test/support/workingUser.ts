import { setTimeout as sleep } from 'node:timers/promises'
import { expect, vi } from 'vitest'
import { readStoredTime, type TestDatabase } from '../../../../test/databases.ts'
import { origin } from './collector.ts'
import { postJson } from './postJson.ts'
import { createActivity } from './sessionCollector.ts'

/** Limits of a few seconds. A session that is not used has its row 6.4 seconds after its last access. */
export const shortLimits = { origins: [origin], idleTimeoutSeconds: 4 }
export const heartbeatSeconds = 2
/** Longer than the limit and the slack. */
export const longerThanLimitMs = 8_000
/** How long a browser waits after a failure: shorter than the heartbeat and the slack, 4.4 seconds. */
export const backoffMs = 1_500
const reportIntervalMs = 1_000
const headers = { 'Content-Type': 'text/plain', Origin: origin }

interface WorkingUserOptions {
  readonly activity?: Readonly<Record<string, unknown>>
  /** The browser's clock, in epoch milliseconds. */
  readonly getTime?: () => number
  /** Changes a report before it is sent. Without a result, the report is lost. */
  readonly change?: (report: Record<string, unknown>) => Record<string, unknown> | undefined
}

/**
 * Starts a user who works: the browser reports activity every second, to the first collector that confirms it.
 *
 * @param getUrls returns the collectors, in the order in which the browser tries them.
 */
export function startWorkingUser(
  getUrls: () => readonly string[],
  { activity = {}, getTime = Date.now, change = (report) => report }: WorkingUserOptions = {},
) {
  const {
    sentAt: _sentAt,
    lastAccessAt: _lastAccessAt,
    startedAt: _startedAt,
    ...identity
  } = createActivity({ heartbeatSeconds, ...activity })
  const signIn = getTime()
  const statuses: number[] = []
  let lastUsedAt = 0
  let isPaused = false
  let isStopped = false

  async function report(): Promise<void> {
    const now = getTime()
    lastUsedAt = performance.timeOrigin + performance.now()
    // The client lowers a time of its marker that is ahead of the clock.
    const startedAt = Math.min(signIn, now)
    const body = change({ ...identity, startedAt, lastAccessAt: now, sentAt: now })
    if (!body || isPaused) return
    for (const url of getUrls()) {
      const { status } = await postJson(`${url}/v1/activity`, { ...body, sentAt: getTime() }, headers)
      statuses.push(status)
      if (status === 204) return
    }
  }

  async function work(): Promise<void> {
    while (!isStopped) {
      await report()
      await sleep(reportIntervalMs)
    }
  }

  const working = work()
  async function stop(): Promise<void> {
    isStopped = true
    await working
  }
  return {
    session: String(identity.session),
    marker: String(identity.marker),
    /** The status of each report, 0 if nothing answered. */
    statuses,
    /** When the user last worked, in epoch milliseconds of the true time. */
    get lastUsedAt() {
      return lastUsedAt
    },
    /** After a failure the browser waits before it reports again, while the user works on. */
    pauseReports() {
      isPaused = true
    },
    resumeReports() {
      isPaused = false
    },
    stop,
  }
}

export type WorkingUser = ReturnType<typeof startWorkingUser>

/**
 * Checks that a session was not called idle while the user worked, and that its timeout is recorded, with the right
 * last access, once the user stops.
 */
export async function expectIdleOnlyAfterwards({ sql }: TestDatabase, user: WorkingUser): Promise<void> {
  const findRows = () => sql('session_audit').where({ session_key: user.session })
  expect(await findRows()).toEqual([])
  expect(await sql('session_live').where({ session_key: user.session })).toHaveLength(1)
  await user.stop()
  const rows = await vi.waitFor(
    async () => {
      const found = await findRows()
      expect(found).toHaveLength(1)
      return found
    },
    { timeout: 30_000, interval: 200 },
  )
  expect(rows).toMatchObject([{ reason: 'idle_timeout', detected_by: 'sweep', revision: 1 }])
  expect(Math.abs(readStoredTime(rows[0].last_access_at) - user.lastUsedAt)).toBeLessThan(2_500)
}
