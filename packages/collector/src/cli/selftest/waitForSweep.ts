import { setTimeout as sleep } from 'node:timers/promises'
import { staleMarkMs } from '../../domain/disturbance.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { SweepStatus } from '../../store/live/createMarkRepository.ts'
import { computeMaxSweepMs, computeSlackMs } from './selftestTimes.ts'
import type { SelftestInput, SelftestSession } from './selftestTypes.ts'

/** What became of a session. */
type SweptSession =
  | { readonly row: ListedSessionEnd }
  /** Why the timeout was not recorded in time, and what to do. */
  | { readonly fault: string }

const pollIntervalMs = 500

/** Waits until the sweep has recorded the timeout of a session, at most as long as that can take. */
export async function waitForSweep(input: SelftestInput, session: SelftestSession): Promise<SweptSession> {
  const { site, reader, onProgress, sweepSeconds } = input
  const status = await reader.readSweepStatus()
  const dueMs = Math.max(0, session.times.detectedAt - Date.now())
  const pauseMs = status ? computePauseMs(status, input) : 0
  const maxMs = Math.max(dueMs, pauseMs) + computeMaxSweepMs(sweepSeconds)
  const cause =
    status && pauseMs > dueMs
      ? `Activity reports may have been lost at ${formatTime(status.disturbedAt)}, so the sweep pauses until ${formatTime(status.databaseTime + pauseMs)}. `
      : ''
  const maxSeconds = Math.ceil(maxMs / 1000)
  onProgress(
    `${cause}Waiting until the sweep has recorded the timeout of the live session, at most ${maxSeconds} s.`,
  )
  const startedAt = performance.now()
  while (performance.now() - startedAt < maxMs) {
    await sleep(pollIntervalMs)
    const row = (await reader.listRows(site, session.session))[0]
    if (row) return { row }
  }
  const explanation = (await reader.isLive(site, session.session))
    ? explainMissingSweep(await reader.readSweepStatus(), input)
    : 'The session is no longer live, and has no row: somebody else has ended it. Run the self-test again.'
  return { fault: `The timeout was not recorded within ${maxSeconds} s. ${explanation}` }
}

/** How much longer the sweep waits, because reports of activity may have been lost. */
function computePauseMs({ databaseTime, disturbedAt }: SweepStatus, input: SelftestInput): number {
  return Math.max(0, disturbedAt + computeWaitMs(input) - databaseTime)
}

/** How long the sweep waits after reports may have been lost: one heartbeat and the slack. */
function computeWaitMs({ limits, heartbeatSeconds }: SelftestInput): number {
  return heartbeatSeconds * 1000 + computeSlackMs(limits, heartbeatSeconds)
}

function explainMissingSweep(status: SweepStatus | undefined, input: SelftestInput): string {
  const waitSeconds = Math.ceil(computeWaitMs(input) / 1000)
  if (!status)
    return `Check the log of lapse serve. It says if timeouts cannot be recorded, or if activity reports may have been lost. If they may have been lost, the sweep pauses for ${waitSeconds} s: run the self-test again after that.`
  const { databaseTime, markedAt, disturbedAt } = status
  if (markedAt === null || databaseTime - markedAt > staleMarkMs)
    return `No collector that uses this database is running and able to sweep${markedAt === null ? '' : `: the last one was seen at ${formatTime(markedAt)}`}. Start lapse serve with this configuration, or check its log for "this collector could not be marked as running", then run the self-test again.`
  const pauseMs = computePauseMs(status, input)
  if (pauseMs > 0)
    return `Activity reports may have been lost at ${formatTime(disturbedAt)}, so the sweep pauses until ${formatTime(databaseTime + pauseMs)}. Check the log of lapse serve for the cause, and run the self-test again after that.`
  return 'A collector is running, but its sweep fails or is behind. Check the log of lapse serve for "timeouts of live sessions could not be recorded". If that collector has a different "sweep", pass its configuration with --config.'
}

function formatTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
