import type { Row } from '../api/fetchJson.ts'
import { asClock, asDate, asDuration } from './dateTime.ts'

/** The verdict of a row in words and times, by the viewer's clock. */
export interface Explanation {
  /** What happened when, in one line. */
  readonly course: string
  /** Why that has this reason. */
  readonly why: string
  /** How far it can be trusted. */
  readonly evidence: string
  /** What the clocks have to say, where that matters. */
  readonly clock: string | null
}

export function explain(row: Row): Explanation {
  return {
    course: courseOf(row),
    why: whyOf(row),
    evidence: evidenceWords[row.evidence],
    clock: clockOf(row),
  }
}

/** How long after the limit the user came back, in milliseconds; negative within the grace. */
export function pastLimitMs({ reason, elapsedMs, idleTimeoutSeconds }: Row): number | null {
  if (reason !== 'idle_timeout' || elapsedMs === null || idleTimeoutSeconds === null) return null
  return elapsedMs - idleTimeoutSeconds * 1000
}

function courseOf(row: Row): string {
  const { reason, startedAt, lastAccessAt, expiredAt, detectedAt } = row
  const at = clockOn(detectedAt)
  const isAbsolute = reason === 'absolute_timeout'
  const limit = isAbsolute ? row.absoluteTimeoutSeconds : row.idleTimeoutSeconds
  const isTimeout = isAbsolute || reason === 'idle_timeout'
  const steps = [
    isAbsolute && startedAt !== null && `signed in ${at(startedAt)}`,
    lastAccessAt !== null && `last seen ${at(lastAccessAt)}`,
    isTimeout && limit !== null && `limit ${asDuration(limit * 1000)}`,
    expiredAt !== null && `expired ${at(expiredAt)}`,
    `noticed ${at(detectedAt)}`,
  ].filter((step) => step !== false)
  const text = steps.join(', ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** Leaves the day out where it is that of the detection. */
function clockOn(detectedAt: string): (time: string) => string {
  const day = asDate(detectedAt)
  return (time) => (asDate(time) === day ? asClock(time) : `${asDate(time)} ${asClock(time)}`)
}

function whyOf(row: Row): string {
  const { reason, elapsedMs, idleTimeoutSeconds, evidence } = row
  const idle = idleTimeoutSeconds === null ? 'its idle timeout' : asDuration(idleTimeoutSeconds * 1000)
  const teller = evidence === 'server' ? 'The application’s server said' : 'The page said'
  switch (reason) {
    case 'idle_timeout': {
      const past = pastLimitMs(row)
      if (past === null) return 'The application’s server said that the session had sat idle for too long.'
      if (past < 0)
        return `The session had sat idle for its limit of ${idle}, but for ${asDuration(-past)}: that is within the grace for the two clocks’ idea of the last access.`
      return `The session had sat idle for ${asDuration(Number(elapsedMs))}. That is ${asDuration(past)} past its limit of ${idle}.`
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
      return `The session was gone before any limit was reached: ${elapsedMs === null ? 'no time is known' : `after ${asDuration(elapsedMs)} of ${idle}`}. It was revoked, the server was restarted, or cookies were cleared.`
    case 'clock_anomaly':
      return 'The times contradict each other by more than a minute, so nothing is concluded from them. The clock was set while the session lasted, or the times are made up.'
  }
}

const evidenceWords = {
  signed:
    'The application signed at sign-in whose session it was and which limits it had. The times of the last access and of the detection are the browser’s own word.',
  self_reported: 'The browser’s word only: nothing in it was signed by the application.',
  server: 'A server with a token of the scope “write” said so.',
} as const satisfies Record<Row['evidence'], string>

function clockOf({ clockSkewMs, evidence }: Row): string | null {
  if (Math.abs(clockSkewMs) < 1000) return null
  const whose = evidence === 'server' ? 'The server’s clock' : 'The browser’s clock'
  const by = asDuration(Math.abs(clockSkewMs))
  return clockSkewMs > 0
    ? `${whose} was ${by} behind the collector’s, or the message took that long. All times here are moved onto the collector’s clock.`
    : `${whose} was ${by} ahead of the collector’s. All times here are moved onto the collector’s clock.`
}
