import { minuteMs } from '../../domain/durations.ts'
import { computeGraceSeconds, type Limits } from '../../domain/limits.ts'
import type { SelftestTimes } from './selftestTypes.ts'

/** How long after the self-test starts the time of the abandoned session runs out. */
const remainingMs = 5_000
/** How long a sweep may take, and start late. */
const sweepToleranceMs = 15_000

/**
 * The times of a session that was used for a minute, then stayed idle for a minute longer than its idle timeout, until
 * now.
 */
export function computeReturningTimes(limits: Limits, now: number): SelftestTimes {
  const lastAccessAt = now - limits.idleTimeoutSeconds * 1000 - minuteMs
  return { startedAt: chooseStart(lastAccessAt, now, limits), lastAccessAt, detectedAt: now }
}

/**
 * The times of a session that was used for a minute, then stayed idle. It was used so long ago that the sweep records
 * its timeout within seconds: `detectedAt` is when that is due.
 */
export function computeAbandonedTimes(limits: Limits, heartbeatSeconds: number, now: number): SelftestTimes {
  const { idleTimeoutSeconds } = limits
  const slackMs = computeSlackMs(limits, heartbeatSeconds)
  const idleMs = Math.trunc(idleTimeoutSeconds * 1000 + slackMs)
  const lastAccessAt = Math.min(now, now + remainingMs - idleMs)
  const detectedAt = lastAccessAt + idleMs
  return { startedAt: chooseStart(lastAccessAt, detectedAt, limits), lastAccessAt, detectedAt }
}

/** How long after the expiry of a session the sweep records its timeout, in milliseconds. */
export function computeSlackMs(limits: Limits, heartbeatSeconds: number): number {
  return Math.round(computeGraceSeconds(limits.idleTimeoutSeconds, limits) * 1000) + heartbeatSeconds * 1000
}

/** How long the sweep may take to record a timeout that is due, in milliseconds. */
export function computeMaxSweepMs(sweepSeconds: number): number {
  return sweepSeconds * 1000 + sweepToleranceMs
}

/**
 * Chooses a start a minute before the last access. If the absolute timeout would end such a session first, the session is
 * so old that this limit had passed before its last access, and therefore did not end it.
 */
function chooseStart(lastAccessAt: number, endsAt: number, { absoluteTimeoutSeconds }: Limits): number {
  const isAbsoluteFirst =
    absoluteTimeoutSeconds !== undefined && absoluteTimeoutSeconds * 1000 <= endsAt - lastAccessAt + minuteMs
  return lastAccessAt - (isAbsoluteFirst ? absoluteTimeoutSeconds * 1000 + minuteMs : minuteMs)
}
