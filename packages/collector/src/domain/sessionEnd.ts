import type { EndReport } from './endReport.ts'
import type { TicketClaims } from './ticket.ts'
import { earliestTimes, type JudgeInput, judge, type Limits, type Reason, type Times } from './verdict.ts'

/** How far a row can be trusted: by a ticket, by a browser's word alone, or by a server's. */
export const evidences = ['signed', 'self_reported', 'server'] as const

/**
 * One row of the audit table before the database gives it an `id`. Times are by the collector's clock, and none is
 * after `receivedAt`. `elapsedMs` and `clockSkewMs` are what the sender's times say, however wrong these are.
 */
export interface NewSessionEnd {
  readonly site: string
  readonly sessionKey: string
  readonly marker: string | null
  readonly session: string | null
  readonly subject: string | null
  readonly reason: Reason
  readonly evidence: (typeof evidences)[number]
  readonly detectedBy: 'login_page' | 'new_session' | 'logout' | 'server'
  readonly startedAt: Date | null
  readonly lastAccessAt: Date | null
  readonly expiredAt: Date | null
  readonly detectedAt: Date
  readonly receivedAt: Date
  readonly elapsedMs: number | null
  readonly idleTimeoutSeconds: number | null
  readonly absoluteTimeoutSeconds: number | null
  readonly clockSkewMs: number
  readonly browserRestarted: boolean | null
  readonly origin: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  readonly clientVersion: string | null
}

export interface SessionEnd extends NewSessionEnd {
  readonly id: number
}

/** What became of a lapse: the row that stands in the table, and whether it stood there before. */
export interface Recorded {
  readonly row: SessionEnd
  readonly duplicate: boolean
}

/** What is known of the request that brought an event. */
export interface Arrival {
  readonly receivedAt: number
  readonly origin: string | undefined
  readonly ip: string | undefined
  readonly userAgent: string | undefined
}

/**
 * Makes the row that an event amounts to. `limits` are the site's; those of the ticket come before them.
 */
export function judgeReport(
  event: EndReport,
  claims: TicketClaims | undefined,
  site: Limits,
  arrival: Arrival,
): NewSessionEnd {
  const {
    idleTimeoutSeconds = site.idleTimeoutSeconds,
    absoluteTimeoutSeconds = site.absoluteTimeoutSeconds,
  } = claims ?? {}
  const { receivedAt } = arrival
  // What is left out is now, by the sender's clock.
  const { startedAt, lastAccessAt, sentAt = receivedAt, detectedAt = sentAt } = event
  const times: Times = { startedAt, lastAccessAt, detectedAt, sentAt }
  const input: JudgeInput = {
    times,
    declared: declaredReason(event),
    browserRestarted: event.browserRestarted,
    limits: { ...site, idleTimeoutSeconds, absoluteTimeoutSeconds },
    receivedAt,
    signedInAt: claims?.issuedAt,
    sender: event.detectedBy === 'server' ? 'server' : 'browser',
  }
  const verdict = judge(input)
  const earliest = earliestTimes(input)
  const session = claims?.session ?? event.session
  // By the collector's clock. A time that cannot be right neither tops the lists for good nor ends below every other
  // row: the verdict calls it a clock anomaly, and it is moved to the nearest time that can.
  const stored = (at: number, notBefore = earliest.lastAccessAt) =>
    new Date(Math.min(Math.max(at + verdict.clockSkewMs, notBefore), receivedAt))
  const storedIfKnown = (at: number | undefined, notBefore?: number) =>
    at === undefined ? null : stored(at, notBefore)
  return {
    site: event.site,
    // One of the two is there: the schemas see to it.
    sessionKey: session ?? event.marker ?? '',
    marker: event.marker ?? null,
    session: session ?? null,
    subject: claims?.subject ?? event.subject ?? null,
    reason: verdict.reason,
    evidence: event.detectedBy === 'server' ? 'server' : claims ? 'signed' : 'self_reported',
    detectedBy: event.detectedBy,
    startedAt: storedIfKnown(startedAt, earliest.startedAt),
    lastAccessAt: storedIfKnown(lastAccessAt),
    expiredAt: storedIfKnown(verdict.expiredAt),
    detectedAt: stored(detectedAt),
    receivedAt: new Date(receivedAt),
    elapsedMs: verdict.elapsedMs ?? null,
    idleTimeoutSeconds,
    absoluteTimeoutSeconds: absoluteTimeoutSeconds ?? null,
    clockSkewMs: verdict.clockSkewMs,
    browserRestarted: event.browserRestarted ?? null,
    origin: arrival.origin ?? null,
    ip: arrival.ip ?? null,
    userAgent: arrival.userAgent ?? null,
    clientVersion: event.client ?? null,
  }
}

function declaredReason(event: EndReport): Reason | undefined {
  if (event.detectedBy === 'server') return event.reason
  return event.detectedBy === 'logout' ? 'logout' : undefined
}
