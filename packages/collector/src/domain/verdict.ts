import { daySeconds, minuteMs } from './durations.ts'

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

/** The host's limits for one session. */
export interface Limits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /**
   * How far the browser's last access may differ from the server's. `computeDefaultGraceSeconds` returns the default.
   * For a limit that is not longer than this, the grace period is a tenth of the limit.
   */
  readonly graceSeconds?: number | undefined
}

/** The known times of a session, in epoch milliseconds of the sender's clock. */
export interface SessionTimes {
  readonly startedAt: number | undefined
  readonly lastAccessAt: number | undefined
  readonly detectedAt: number
  readonly sentAt: number
}

export interface JudgeInput {
  readonly times: SessionTimes
  /** The reason that a server or a logout states. */
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

const clockToleranceMs = minuteMs

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
  return {
    reason,
    elapsedMs: lastAccessAt === undefined ? undefined : detectedAt - lastAccessAt,
    clockSkewMs,
    expiredAt: computeExpiry(reason, input),
  }
}

function decideReason(input: JudgeInput, clockSkewMs: number): Reason {
  if (hasContradictoryTimes(input, clockSkewMs) || hasImpossiblyOldTimes(input, clockSkewMs))
    return 'clock_anomaly'
  if (input.declaredReason) return input.declaredReason
  const { limits, times } = input
  if (isLimitReached(limits.idleTimeoutSeconds, times.lastAccessAt, input)) return 'idle_timeout'
  if (isLimitReached(limits.absoluteTimeoutSeconds, computeSignIn(input), input)) return 'absolute_timeout'
  return input.browserRestarted ? 'browser_closed' : 'ended_early'
}

/** Returns false if the time or the limit is unknown. */
function isLimitReached(
  limitSeconds: number | undefined,
  since: number | undefined,
  { limits, times }: JudgeInput,
): boolean {
  if (limitSeconds === undefined || since === undefined) return false
  return times.detectedAt - since >= (limitSeconds - computeGraceSeconds(limitSeconds, limits)) * 1000
}

/** The default grace period is this long, or a tenth of the idle timeout if that is less. */
export const maxDefaultGraceSeconds = 10

export function computeDefaultGraceSeconds(idleTimeoutSeconds: number): number {
  return Math.min(maxDefaultGraceSeconds, idleTimeoutSeconds / 10)
}

/**
 * A ticket can set a limit that is shorter than the site's grace period. With the full grace period, every session
 * would then time out immediately.
 */
function computeGraceSeconds(limitSeconds: number, { idleTimeoutSeconds, graceSeconds }: Limits): number {
  const grace = graceSeconds ?? computeDefaultGraceSeconds(idleTimeoutSeconds)
  return grace < limitSeconds ? grace : limitSeconds / 10
}

function computeExpiry(reason: Reason, input: JudgeInput): number | undefined {
  const { times, limits } = input
  const expiredAt =
    reason === 'idle_timeout'
      ? addSeconds(times.lastAccessAt, limits.idleTimeoutSeconds)
      : reason === 'absolute_timeout'
        ? addSeconds(computeSignIn(input), limits.absoluteTimeoutSeconds)
        : undefined
  // A timeout can be detected within the grace period before the limit, and a server with other limits can declare one.
  return expiredAt === undefined ? undefined : Math.min(expiredAt, times.detectedAt)
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
