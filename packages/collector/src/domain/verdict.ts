/** Why a session ended: the first that matches, in this order. */
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
   * How far the browser's idea of the last access may be from the server's: the smaller of 10 seconds and a tenth of
   * the idle timeout, unless given. A limit that is no longer than this has a tenth of itself as its grace.
   */
  readonly graceSeconds?: number | undefined
}

/** What is known of a session's times: epoch milliseconds of the sender's clock. */
export interface Times {
  readonly startedAt: number | undefined
  readonly lastAccessAt: number | undefined
  readonly detectedAt: number
  readonly sentAt: number
}

export interface JudgeInput {
  readonly times: Times
  /** What a server, or a reported logout, said. */
  readonly declared: Reason | undefined
  readonly browserRestarted: boolean | undefined
  readonly limits: Limits
  /** When the event arrived: epoch milliseconds of the collector's clock. */
  readonly receivedAt: number
  /** The sign-in by a verified ticket's `iat`: epoch milliseconds of the host's clock. */
  readonly signedInAt: number | undefined
  readonly sender: 'browser' | 'server'
}

export interface Verdict {
  readonly reason: Reason
  /** From the last access to the detection, both by the sender's clock. */
  readonly elapsedMs: number | undefined
  /** What to add to the sender's times to have them on the collector's clock. */
  readonly clockSkewMs: number
  /**
   * When the limit was reached, never later than the detection: epoch milliseconds of the sender's clock; only for a
   * timeout.
   */
  readonly expiredAt: number | undefined
}

const toleranceMs = 60_000

/** Browsers keep a cookie, and so a marker, for at most 400 days: https://developer.chrome.com/blog/cookie-max-age-expires */
const maxAgeMs = 400 * 86_400_000

/** The earliest times that a report can be right about: epoch milliseconds of the collector's clock. */
export interface EarliestTimes {
  /** Of the sign-in. */
  readonly startedAt: number
  /** Of the last access and of everything after it. */
  readonly lastAccessAt: number
}

/**
 * How far back a report may reach. A browser cannot remember more than 400 days, but a ticket can prove an older
 * sign-in. A server keeps records of its own, so its reports are not limited.
 */
export function earliestTimes({
  sender,
  receivedAt,
  signedInAt,
}: Pick<JudgeInput, 'sender' | 'receivedAt' | 'signedInAt'>): EarliestTimes {
  if (sender === 'server') return { startedAt: 0, lastAccessAt: 0 }
  const lastAccessAt = receivedAt - maxAgeMs
  return { startedAt: Math.max(0, Math.min(lastAccessAt, signedInAt ?? lastAccessAt)), lastAccessAt }
}

/**
 * Says why a session ended. The first match of SPEC's table wins, so that each input has one reason.
 *
 * Elapsed time is a difference on one clock, so a wrong clock does not change it.
 */
export function judge(input: JudgeInput): Verdict {
  const { lastAccessAt, detectedAt, sentAt } = input.times
  const clockSkewMs = input.receivedAt - sentAt
  const reason = reasonOf(input, clockSkewMs)
  return {
    reason,
    elapsedMs: lastAccessAt === undefined ? undefined : detectedAt - lastAccessAt,
    clockSkewMs,
    expiredAt: expiryOf(reason, input),
  }
}

function reasonOf(input: JudgeInput, clockSkewMs: number): Reason {
  const { lastAccessAt, detectedAt } = input.times
  const { idleTimeoutSeconds, absoluteTimeoutSeconds } = input.limits
  if (isContradictory(input, clockSkewMs) || isTooOld(input, clockSkewMs)) return 'clock_anomaly'
  if (input.declared) return input.declared
  // An unknown time compares as false: nothing is concluded from it.
  if (detectedAt - Number(lastAccessAt) >= turnMs(idleTimeoutSeconds, input.limits)) return 'idle_timeout'
  if (detectedAt - Number(signInOf(input)) >= turnMs(Number(absoluteTimeoutSeconds), input.limits))
    return 'absolute_timeout'
  return input.browserRestarted ? 'browser_closed' : 'ended_early'
}

/**
 * After how many milliseconds a limit counts as reached. A ticket may set a limit that is shorter than the site's grace:
 * without a bound on the grace, every session would have timed out at once.
 */
function turnMs(limitSeconds: number, { idleTimeoutSeconds, graceSeconds }: Limits): number {
  const grace = graceSeconds ?? Math.min(10, idleTimeoutSeconds / 10)
  return (limitSeconds - (grace < limitSeconds ? grace : limitSeconds / 10)) * 1000
}

function expiryOf(reason: Reason, input: JudgeInput): number | undefined {
  const { times, limits } = input
  const expiredAt =
    reason === 'idle_timeout'
      ? later(times.lastAccessAt, limits.idleTimeoutSeconds)
      : reason === 'absolute_timeout'
        ? later(signInOf(input), limits.absoluteTimeoutSeconds)
        : undefined
  // A timeout may be detected within the grace before the limit, or be declared by a server with other limits.
  return expiredAt === undefined ? undefined : Math.min(expiredAt, times.detectedAt)
}

/**
 * When the session's whole age began, by the sender's clock: at the signed sign-in if there is one. The browser's
 * `startedAt` may be later, at the first page with the script, or earlier, on a page before the sign-in; a user could
 * also invent it, to forge or to hide an absolute timeout.
 */
function signInOf({ times, signedInAt, receivedAt }: JudgeInput): number | undefined {
  return signedInAt === undefined ? times.startedAt : signedInAt - (receivedAt - times.sentAt)
}

function later(at: number | undefined, seconds: number | undefined): number | undefined {
  return at === undefined || seconds === undefined ? undefined : at + seconds * 1000
}

function isContradictory({ times, signedInAt }: JudgeInput, clockSkewMs: number): boolean {
  const { startedAt, lastAccessAt, detectedAt, sentAt } = times
  let latest = Number.NEGATIVE_INFINITY
  for (const at of [startedAt, lastAccessAt, detectedAt, sentAt]) {
    if (at === undefined) continue
    if (latest - at > toleranceMs) return true
    latest = Math.max(latest, at)
  }
  return signedInAt !== undefined && signedInAt - (Number(lastAccessAt) + clockSkewMs) > toleranceMs
}

function isTooOld(input: JudgeInput, clockSkewMs: number): boolean {
  const { startedAt, lastAccessAt, detectedAt } = input.times
  const earliest = earliestTimes(input)
  // A ticket's `iat` is in whole seconds, by another clock. An unknown time compares as false.
  if (Number(startedAt) + clockSkewMs + toleranceMs < earliest.startedAt) return true
  return [lastAccessAt, detectedAt].some((at) => Number(at) + clockSkewMs < earliest.lastAccessAt)
}
