import type { SessionEnd } from '../api/types.ts'
import { formatDate, formatTimeOfDay, measureMs } from './dateTime.ts'
import { formatDuration } from './numbers.ts'

interface Explanation {
  /** What happened when, in one line. */
  readonly timeline: string
  /** Why the session has this reason. */
  readonly reason: string
  /** Whether the user came back after a timeout that the sweep recorded, or null for other rows. */
  readonly userReturn: string | null
  /** How far the row can be trusted. */
  readonly evidence: string
  /** How the sender's clock differed from the collector's, or null if they agreed. */
  readonly clock: string | null
}

/** Explains a verdict to the user, in the user's time zone. */
export function explainVerdict(sessionEnd: SessionEnd): Explanation {
  return {
    timeline: describeTimeline(sessionEnd),
    reason: explainReason(sessionEnd),
    userReturn: explainReturn(sessionEnd),
    evidence: (sessionEnd.detectedBy === 'sweep' ? activityExplanations : reportExplanations)[
      sessionEnd.evidence
    ],
    clock: describeClock(sessionEnd),
  }
}

/**
 * Returns how long after the idle timeout the user returned, in milliseconds; negative if it was before the limit, and
 * null if the user has not come back.
 */
export function calculatePastLimitMs(sessionEnd: SessionEnd): number | null {
  const { reason, detectedBy, expiredAt, returnedAt, elapsedMs, idleTimeoutSeconds } = sessionEnd
  if (reason !== 'idle_timeout') return null
  if (detectedBy === 'sweep') return measureMs(expiredAt, returnedAt)
  if (elapsedMs === null || idleTimeoutSeconds === null) return null
  return elapsedMs - idleTimeoutSeconds * 1000
}

/** Returns how long the session was idle, as far as is known, in milliseconds. */
export function calculateIdleMs({ lastAccessAt, returnedAt, elapsedMs }: SessionEnd): number | null {
  return measureMs(lastAccessAt, returnedAt) ?? elapsedMs
}

/** Leaves out the day of times on the day of the detection. */
function createTimeFormat({ detectedAt }: SessionEnd): (time: string) => string {
  const dayOfDetection = formatDate(detectedAt)
  return (time) => {
    const day = formatDate(time)
    return day === dayOfDetection ? formatTimeOfDay(time) : `${day} ${formatTimeOfDay(time)}`
  }
}

/** Describes what happened when, in one line. */
export function describeTimeline(sessionEnd: SessionEnd): string {
  const { reason, detectedBy, startedAt, lastAccessAt, expiredAt, detectedAt } = sessionEnd
  const formatTime = createTimeFormat(sessionEnd)
  const isAbsolute = reason === 'absolute_timeout'
  const isTimeout = isAbsolute || reason === 'idle_timeout'
  const limitSeconds = isAbsolute ? sessionEnd.absoluteTimeoutSeconds : sessionEnd.idleTimeoutSeconds
  const events = [
    isAbsolute && startedAt !== null && `signed in ${formatTime(startedAt)}`,
    lastAccessAt !== null && `last access ${formatTime(lastAccessAt)}`,
    isTimeout && limitSeconds !== null && `limit ${formatDuration(limitSeconds * 1000)}`,
    expiredAt !== null && `expired ${formatTime(expiredAt)}`,
    // The sweep detects nothing but that the time has run out.
    detectedBy !== 'sweep' && `detected ${formatTime(detectedAt)}`,
  ].filter((event) => event !== false)
  const sentence = events.join(', ')
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`
}

function explainReason(sessionEnd: SessionEnd): string {
  const { reason, elapsedMs, idleTimeoutSeconds, absoluteTimeoutSeconds, evidence } = sessionEnd
  const idleTimeout = idleTimeoutSeconds === null ? null : formatDuration(idleTimeoutSeconds * 1000)
  const idleTimeoutNote = idleTimeout === null ? '' : ` (idle timeout: ${idleTimeout})`
  switch (reason) {
    case 'idle_timeout':
      return explainIdleTimeout(sessionEnd)
    case 'absolute_timeout': {
      const limit =
        absoluteTimeoutSeconds === null ? '' : ` of ${formatDuration(absoluteTimeoutSeconds * 1000)}`
      return `The session reached its maximum age${limit} before its idle timeout.`
    }
    case 'logout': {
      const reporter = evidence === 'server' ? 'The application’s server' : 'The page'
      return `${reporter} reported that the user signed out.`
    }
    case 'revoked':
      return 'The application’s server reported that the session was revoked: a person or a rule ended it early.'
    case 'displaced':
      return 'The application’s server reported that another session replaced this one.'
    case 'browser_closed':
      return `The browser was closed after the last access. No limit was reached${idleTimeoutNote}.`
    case 'ended_early': {
      const idleTime = elapsedMs === null ? '' : ` after ${formatDuration(elapsedMs)} without activity,`
      return `The session ended${idleTime} before any limit was reached${idleTimeoutNote}. It may have been revoked, the server may have restarted, or the cookies may have been cleared.`
    }
    case 'clock_anomaly':
      return 'The reported times contradict each other by more than a minute, or are older than a browser can remember, so the reason is unknown. Either a clock was changed during the session, or the times were made up.'
  }
}

function explainIdleTimeout({ elapsedMs, idleTimeoutSeconds, evidence, detectedBy }: SessionEnd): string {
  const declared = 'The application’s server reported an idle timeout.'
  if (elapsedMs === null || idleTimeoutSeconds === null) return declared
  const limitMs = idleTimeoutSeconds * 1000
  if (detectedBy === 'sweep')
    return `No activity was reported for ${formatDuration(limitMs)}, which is the session’s limit.`
  const idleTime = `The session was idle for ${formatDuration(elapsedMs)}`
  const limit = `its limit of ${formatDuration(limitMs)}`
  if (elapsedMs < limitMs) {
    // A server may have a shorter limit than the one that the collector knows.
    if (evidence === 'server') return `${declared} ${idleTime}, and ${limit} was not reached.`
    return `${idleTime}, ${formatDuration(limitMs - elapsedMs)} less than ${limit}. That still counts: the browser and the server may disagree about the time of the last access, the application may extend the session only on some accesses, or its own idle timer may have ended the session.`
  }
  return `${idleTime}, ${formatDuration(elapsedMs - limitMs)} past ${limit}.`
}

function explainReturn(sessionEnd: SessionEnd): string | null {
  const { detectedBy, expiredAt, returnedAt, resumedAt, supersededBy } = sessionEnd
  if (detectedBy !== 'sweep') return null
  const formatTime = createTimeFormat(sessionEnd)
  const formatDelay = (time: string) => {
    const delayMs = measureMs(expiredAt, time)
    return delayMs === null ? '' : `, ${formatDuration(delayMs)} after expiry`
  }
  if (returnedAt !== null)
    return `Recorded by the sweep: nobody came back until ${formatTime(returnedAt)}${formatDelay(returnedAt)}.`
  if (resumedAt !== null)
    return `Recorded by the sweep: the session was not used again until ${formatTime(resumedAt)}${formatDelay(resumedAt)}.`
  return supersededBy === null ? 'Recorded by the sweep: nobody has come back.' : 'Recorded by the sweep.'
}

const reportExplanations = {
  signed:
    'The application signed a ticket at sign-in. It proves the user, the session and its limits. The times of the last access and of the detection come from the browser and are not signed.',
  self_reported:
    'The browser reported this session end. Nothing in the report was signed by the application.',
  server: 'A server reported this session end with a token that has the “write” scope.',
} as const satisfies Record<SessionEnd['evidence'], string>

/** For timeouts that the sweep recorded. They have the evidence of the last activity. */
const activityExplanations = {
  signed:
    'The application signed a ticket at sign-in. It proves the user, the session and its limits. The time of the last access comes from the browser and is not signed.',
  self_reported:
    'The browser reported the last activity. Nothing in its reports was signed by the application.',
  server: 'A server reported the last activity with a token that has the “write” scope.',
} as const satisfies Record<SessionEnd['evidence'], string>

/** Smaller differences are normal and not worth mentioning. */
const minNotableSkewMs = 1000

function describeClock({ clockSkewMs, evidence }: SessionEnd): string | null {
  if (Math.abs(clockSkewMs) < minNotableSkewMs) return null
  const clock = evidence === 'server' ? 'The server’s clock' : 'The browser’s clock'
  const skew = formatDuration(Math.abs(clockSkewMs))
  return clockSkewMs > 0
    ? `${clock} was ${skew} behind the collector’s, or the report took that long to arrive. The times on this page are adjusted to the collector’s clock.`
    : `${clock} was ${skew} ahead of the collector’s. The times on this page are adjusted to the collector’s clock.`
}
