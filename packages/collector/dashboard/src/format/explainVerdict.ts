import type { SessionEnd } from '../api/types.ts'
import { formatDate, formatTimeOfDay } from './dateTime.ts'
import { formatDuration } from './numbers.ts'

interface Explanation {
  /** What happened when, in one line. */
  readonly timeline: string
  /** Why the session has this reason. */
  readonly reason: string
  /** How far the row can be trusted. */
  readonly evidence: string
  /** How the sender's clock differed from the collector's, or null if it hardly did. */
  readonly clock: string | null
}

/** Explains a verdict to the user, in the user's time zone. */
export function explainVerdict(sessionEnd: SessionEnd): Explanation {
  return {
    timeline: describeTimeline(sessionEnd),
    reason: explainReason(sessionEnd),
    evidence: evidenceExplanations[sessionEnd.evidence],
    clock: describeClock(sessionEnd),
  }
}

/** Returns how long after the idle timeout the user returned, in milliseconds; negative within the grace. */
export function calculatePastLimitMs({ reason, elapsedMs, idleTimeoutSeconds }: SessionEnd): number | null {
  if (reason !== 'idle_timeout' || elapsedMs === null || idleTimeoutSeconds === null) return null
  return elapsedMs - idleTimeoutSeconds * 1000
}

function describeTimeline(sessionEnd: SessionEnd): string {
  const { reason, startedAt, lastAccessAt, expiredAt, detectedAt } = sessionEnd
  const dayOfDetection = formatDate(detectedAt)
  const formatTime = (time: string) => {
    const day = formatDate(time)
    return day === dayOfDetection ? formatTimeOfDay(time) : `${day} ${formatTimeOfDay(time)}`
  }
  const isAbsolute = reason === 'absolute_timeout'
  const isTimeout = isAbsolute || reason === 'idle_timeout'
  const limitSeconds = isAbsolute ? sessionEnd.absoluteTimeoutSeconds : sessionEnd.idleTimeoutSeconds
  const events = [
    isAbsolute && startedAt !== null && `signed in ${formatTime(startedAt)}`,
    lastAccessAt !== null && `last seen ${formatTime(lastAccessAt)}`,
    isTimeout && limitSeconds !== null && `limit ${formatDuration(limitSeconds * 1000)}`,
    expiredAt !== null && `expired ${formatTime(expiredAt)}`,
    `noticed ${formatTime(detectedAt)}`,
  ].filter((event) => event !== false)
  const sentence = events.join(', ')
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`
}

function explainReason(sessionEnd: SessionEnd): string {
  const { reason, elapsedMs, idleTimeoutSeconds, evidence } = sessionEnd
  const idle = idleTimeoutSeconds === null ? 'its idle timeout' : formatDuration(idleTimeoutSeconds * 1000)
  const teller = evidence === 'server' ? 'The application’s server said' : 'The page said'
  switch (reason) {
    case 'idle_timeout': {
      const past = calculatePastLimitMs(sessionEnd)
      if (past === null) return 'The application’s server said that the session had sat idle for too long.'
      if (past < 0)
        return `The session had sat idle for its limit of ${idle}, but for ${formatDuration(-past)}: that is within the grace for the two clocks’ idea of the last access.`
      return `The session had sat idle for ${formatDuration(Number(elapsedMs))}. That is ${formatDuration(past)} past its limit of ${idle}.`
    }
    case 'absolute_timeout':
      return 'The session had not sat idle, but had reached the age at which it ends in any case.'
    case 'logout':
      return `${teller} that the user signed out. No limit was reached.`
    case 'revoked':
      return 'The application’s server said that the session was revoked: somebody, or a rule, ended it before its time.'
    case 'displaced':
      return 'The application’s server said that another session took this one’s place.'
    case 'browser_closed':
      return `The browser had been closed since the last access. No limit was reached: ${idle} without activity would have been one.`
    case 'ended_early':
      return `The session was gone before any limit was reached: ${elapsedMs === null ? 'no time is known' : `after ${formatDuration(elapsedMs)} of ${idle}`}. It was revoked, the server was restarted, or cookies were cleared.`
    case 'clock_anomaly':
      return 'The times contradict each other by more than a minute, so nothing is concluded from them. The clock was set while the session lasted, or the times are made up.'
  }
}

const evidenceExplanations = {
  signed:
    'The application signed at sign-in whose session it was and which limits it had. The times of the last access and of the detection are the browser’s own word.',
  self_reported: 'The browser’s word only: nothing in it was signed by the application.',
  server: 'A server with a token of the scope “write” said so.',
} as const satisfies Record<SessionEnd['evidence'], string>

/** Smaller differences are normal. */
const minNotableSkewMs = 1000

function describeClock({ clockSkewMs, evidence }: SessionEnd): string | null {
  if (Math.abs(clockSkewMs) < minNotableSkewMs) return null
  const clock = evidence === 'server' ? 'The server’s clock' : 'The browser’s clock'
  const skew = formatDuration(Math.abs(clockSkewMs))
  return clockSkewMs > 0
    ? `${clock} was ${skew} behind the collector’s, or the message took that long. All times here are moved onto the collector’s clock.`
    : `${clock} was ${skew} ahead of the collector’s. All times here are moved onto the collector’s clock.`
}
