import { daySeconds, minuteMs } from './durations.ts'
import { computeGraceSeconds, type Limits } from './limits.ts'

/** Why a session ended. The verdict is the first reason in this order that applies. */
export const reasons = [
  'clock_anomaly',
  'logout',
  'revoked',
  'displaced',
  'idle_timeout',
  'absolute_timeout',
  'browser_closed',
  'ended_early',
] as const
export type Reason = (typeof reasons)[number]

/** The known times of a session, in epoch milliseconds of the sender's clock. */
export interface SessionTimes {
  readonly startedAt: number | undefined
  readonly lastAccessAt: number | undefined
  readonly detectedAt: number
  readonly sentAt: number
}

export interface JudgeInput {
  readonly times: SessionTimes
  /** The reason that a server or a logout states. A browser's `logout` only counts if no limit was reached before. */
  readonly declaredReason: Reason | undefined
  readonly browserRestarted: boolean | undefined
  readonly limits: Limits
  /** When the report arrived, in epoch milliseconds of the collector's clock. */
  readonly receivedAt: number
  /** The sign-in according to a verified ticket's `iat`, in epoch milliseconds of the host's clock. */
  readonly signedInAt: number | undefined
  readonly sender: 'browser' | 'server'
}

export interface Verdict {
  readonly reason: Reason
  /** Milliseconds from the last access to the detection, both by the sender's clock. */
  readonly elapsedMs: number | undefined
  /** Milliseconds to add to the sender's times to move them onto the collector's clock. */
  readonly clockSkewMs: number
  /**
   * When the limit was reached, in epoch milliseconds of the sender's clock. Never later than the detection. Only set
   * for timeouts.
   */
  readonly expiredAt: number | undefined
}

/** Times that contradict each other by more than this are wrong. */
export const clockToleranceMs = minuteMs

/** Browsers keep a cookie, and so a marker, for at most 400 days: https://developer.chrome.com/blog/cookie-max-age-expires */
export const maxMarkerAgeDays = 400
export const maxMarkerAgeSeconds = maxMarkerAgeDays * daySeconds

/** The earliest times that a report can state correctly, in epoch milliseconds of the collector's clock. */
export interface EarliestTimes {
  readonly startedAt: number
  /** Also applies to every time after the last access. */
  readonly lastAccessAt: number
}

/**
 * Finds how far back a report can reach. A browser cannot remember more than 400 days, but a ticket can prove an older
 * sign-in. A server keeps its own records, so its reports are not limited.
 */
export function computeEarliestTimes({
  sender,
  receivedAt,
  signedInAt,
}: Pick<JudgeInput, 'sender' | 'receivedAt' | 'signedInAt'>): EarliestTimes {
  if (sender === 'server') return { startedAt: 0, lastAccessAt: 0 }
  const lastAccessAt = receivedAt - maxMarkerAgeSeconds * 1000
  return { startedAt: Math.max(0, Math.min(lastAccessAt, signedInAt ?? lastAccessAt)), lastAccessAt }
}

/**
 * Decides why a session ended. The first matching reason wins, so every input has exactly one.
 *
 * The elapsed time is a difference on one clock, so a wrong clock does not change it.
 */
export function judge(input: JudgeInput): Verdict {
  const { lastAccessAt, detectedAt, sentAt } = input.times
  const clockSkewMs = input.receivedAt - sentAt
  const reason = decideReason(input, clockSkewMs)
  const expiresAt = computeExpiry(reason, input)
  return {
    reason,
    elapsedMs: lastAccessAt === undefined ? undefined : detectedAt - lastAccessAt,
    clockSkewMs,
    // A timeout can be detected within the grace period before the limit, and a server with other limits can declare one.
    expiredAt: expiresAt === undefined ? undefined : Math.min(expiresAt, detectedAt),
  }
}

function decideReason(input: JudgeInput, clockSkewMs: number): Reason {
  if (hasContradictoryTimes(input, clockSkewMs) || hasImpossiblyOldTimes(input, clockSkewMs))
    return 'clock_anomaly'
  const { declaredReason, sender, browserRestarted } = input
  // A user can sign out on a page whose session has expired.
  if (declaredReason === 'logout' && sender === 'browser') return findTimeout(input, 0) ?? declaredReason
  if (declaredReason) return declaredReason
  return (
    findTimeout(input, input.limits.refreshSeconds) ?? (browserRestarted ? 'browser_closed' : 'ended_early')
  )
}

/**
 * Finds the timeout that ended the session, if a limit was reached.
 *
 * @param refreshSeconds how much earlier than the idle timeout a session may end.
 */
function findTimeout(input: JudgeInput, refreshSeconds = 0): 'idle_timeout' | 'absolute_timeout' | undefined {
  const { limits, times } = input
  const { idleTimeoutSeconds, absoluteTimeoutSeconds } = limits
  const isIdle = isLimitReached(idleTimeoutSeconds, times.lastAccessAt, input, refreshSeconds)
  const isTooOld = isLimitReached(absoluteTimeoutSeconds, computeSignIn(input), input)
  if (isIdle && isTooOld) return isAbsoluteFirst(input) ? 'absolute_timeout' : 'idle_timeout'
  if (isIdle) return 'idle_timeout'
  return isTooOld ? 'absolute_timeout' : undefined
}

/** Returns false if the time or the limit is unknown. */
function isLimitReached(
  limitSeconds: number | undefined,
  since: number | undefined,
  { limits, times }: JudgeInput,
  refreshSeconds = 0,
): boolean {
  if (limitSeconds === undefined || since === undefined) return false
  const toleranceSeconds = computeGraceSeconds(limitSeconds, limits) + refreshSeconds
  // Rounded, because 1.1 - 0.1 is not exactly 1.
  return times.detectedAt - since >= Math.round((limitSeconds - toleranceSeconds) * 1000)
}

/**
 * Returns whether the absolute limit was reached before the idle timeout. If the session was used after the absolute
 * limit, that limit did not end it.
 */
function isAbsoluteFirst(input: JudgeInput): boolean {
  const idleExpiry = computeExpiry('idle_timeout', input)
  const absoluteExpiry = computeExpiry('absolute_timeout', input)
  const { lastAccessAt } = input.times
  if (idleExpiry === undefined || absoluteExpiry === undefined || lastAccessAt === undefined) return false
  return lastAccessAt <= absoluteExpiry && absoluteExpiry < idleExpiry
}

/** Computes when a timeout's limit is reached, in epoch milliseconds of the sender's clock. */
function computeExpiry(reason: Reason, input: JudgeInput): number | undefined {
  const { times, limits } = input
  if (reason === 'idle_timeout') return addSeconds(times.lastAccessAt, limits.idleTimeoutSeconds)
  if (reason === 'absolute_timeout') return addSeconds(computeSignIn(input), limits.absoluteTimeoutSeconds)
  return undefined
}

/**
 * Finds when the session's age began, by the sender's clock. The signed sign-in takes precedence over the browser's
 * `startedAt`, which is later than the sign-in if the script first ran after it, and earlier if it ran before. A user
 * could also forge it.
 */
function computeSignIn({ times, signedInAt, receivedAt }: JudgeInput): number | undefined {
  return signedInAt === undefined ? times.startedAt : signedInAt - (receivedAt - times.sentAt)
}

function addSeconds(time: number | undefined, seconds: number | undefined): number | undefined {
  return time === undefined || seconds === undefined ? undefined : time + seconds * 1000
}

function hasContradictoryTimes({ times, signedInAt }: JudgeInput, clockSkewMs: number): boolean {
  const { startedAt, lastAccessAt, detectedAt, sentAt } = times
  let latest = Number.NEGATIVE_INFINITY
  for (const at of [startedAt, lastAccessAt, detectedAt, sentAt]) {
    if (at === undefined) continue
    if (latest - at > clockToleranceMs) return true
    latest = Math.max(latest, at)
  }
  if (signedInAt === undefined || lastAccessAt === undefined) return false
  return signedInAt - (lastAccessAt + clockSkewMs) > clockToleranceMs
}

function hasImpossiblyOldTimes(input: JudgeInput, clockSkewMs: number): boolean {
  const { startedAt, lastAccessAt, detectedAt } = input.times
  const earliest = computeEarliestTimes(input)
  const isBefore = (at: number | undefined, limit: number) => at !== undefined && at + clockSkewMs < limit
  return (
    // A ticket's `iat` is in whole seconds of another clock.
    isBefore(startedAt, earliest.startedAt - clockToleranceMs) ||
    isBefore(lastAccessAt, earliest.lastAccessAt) ||
    isBefore(detectedAt, earliest.lastAccessAt)
  )
}
