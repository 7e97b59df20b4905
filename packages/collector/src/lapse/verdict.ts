import type { LapseEvent } from './event.ts'

/** Why a session ended. */
export type Reason =
  | 'clock_anomaly'
  | 'logout'
  | 'revoked'
  | 'displaced'
  | 'idle_timeout'
  | 'absolute_timeout'
  | 'browser_closed'
  | 'ended_early'

/** The host's limits for one session. */
export interface Limits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /** How far the browser's idea of the last access may be from the server's. */
  readonly graceSeconds: number
}

export interface JudgeInput {
  readonly event: LapseEvent
  readonly limits: Limits
  /** When the event arrived: epoch milliseconds of the collector's clock. */
  readonly receivedAt: number
  /** The sign-in by a verified ticket's `iat`: epoch milliseconds of the host's clock. */
  readonly signedInAt: number | undefined
}

export interface Verdict {
  readonly reason: Reason
  /** From the last access to the detection, both by the browser's clock. */
  readonly elapsedMs: number
  /** What to add to the browser's times to have them on the collector's clock. */
  readonly clockSkewMs: number
  /** When the limit was reached: epoch milliseconds of the browser's clock; only for a timeout. */
  readonly expiredAt: number | undefined
}

const toleranceMs = 60_000

/**
 * Says why a session ended. The first match of SPEC's table wins, so that each input has one reason.
 *
 * Elapsed time is a difference on one clock, so a wrong clock does not change it.
 */
export function judge(input: JudgeInput): Verdict {
  const { event, limits, receivedAt } = input
  const elapsedMs = event.detectedAt - event.lastAccessAt
  const ageMs = event.detectedAt - event.startedAt
  const clockSkewMs = receivedAt - event.sentAt
  const idleMs = limits.idleTimeoutSeconds * 1000
  const absoluteMs = (limits.absoluteTimeoutSeconds ?? Number.POSITIVE_INFINITY) * 1000
  const graceMs = limits.graceSeconds * 1000
  const verdict = (reason: Reason, expiredAt?: number): Verdict => ({
    reason,
    elapsedMs,
    clockSkewMs,
    expiredAt,
  })

  if (isContradictory(input, clockSkewMs)) return verdict('clock_anomaly')
  if (event.detectedBy === 'logout') return verdict('logout')
  if (elapsedMs >= idleMs - graceMs) return verdict('idle_timeout', event.lastAccessAt + idleMs)
  if (ageMs >= absoluteMs - graceMs) return verdict('absolute_timeout', event.startedAt + absoluteMs)
  if (event.browserRestarted) return verdict('browser_closed')
  return verdict('ended_early')
}

function isContradictory({ event, signedInAt }: JudgeInput, clockSkewMs: number): boolean {
  const inOrder = [event.startedAt, event.lastAccessAt, event.detectedAt, event.sentAt]
  let latest = Number.NEGATIVE_INFINITY
  for (const at of inOrder) {
    if (latest - at > toleranceMs) return true
    latest = Math.max(latest, at)
  }
  return signedInAt !== undefined && signedInAt - (event.lastAccessAt + clockSkewMs) > toleranceMs
}
