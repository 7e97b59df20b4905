import type { ActivityReport } from './activityReport.ts'
import type { Evidence } from './evidence.ts'
import type { ReportRequest } from './judgeReport.ts'
import { applyClaimedLimits, computeGraceSeconds, type Limits } from './limits.ts'
import type { Activity } from './liveSession.ts'
import type { Site } from './site.ts'
import type { TicketClaims } from './ticket.ts'
import { createInvalidReportError } from './validation/invalidReport.ts'
import type { Fault } from './validation/validate.ts'
import { clockToleranceMs, computeEarliestTimes } from './verdict.ts'

/**
 * Converts a verified activity report to the collector's clock.
 *
 * @param claims of the verified ticket, if the report has one. They override the same fields of the report and limits.
 * @throws {LapseError} `invalid-event` if the times contradict each other.
 */
export function describeActivity(
  report: ActivityReport,
  claims: TicketClaims | undefined,
  site: Limits & Pick<Site, 'heartbeatSeconds'>,
  { receivedAt, origin, userAgent, evidence }: Omit<ReportRequest, 'ip'> & { readonly evidence: Evidence },
): Activity {
  const { startedAt, sentAt = receivedAt, lastAccessAt = sentAt } = report
  const clockSkewMs = receivedAt - sentAt
  const sender = evidence === 'server' ? 'server' : 'browser'
  const signedInAt = claims?.issuedAt
  const faults = findContradictions({ startedAt, lastAccessAt, sentAt, receivedAt, signedInAt, sender })
  if (faults.length > 0) throw createInvalidReportError(faults)

  const limits = applyClaimedLimits(site, claims)
  const { idleTimeoutSeconds, absoluteTimeoutSeconds = null } = limits
  const session = claims?.session ?? report.session
  const move = (at: number) => new Date(Math.min(at + clockSkewMs, receivedAt))
  return {
    site: report.site,
    // The schemas make sure that a report has one of the two.
    sessionKey: session ?? report.marker ?? '',
    marker: report.marker ?? null,
    session: session ?? null,
    subject: claims?.subject ?? report.subject ?? null,
    evidence,
    startedAt: startedAt === undefined ? null : move(startedAt),
    signedInAt: signedInAt === undefined ? null : new Date(signedInAt),
    lastAccessAt: move(lastAccessAt),
    clockSkewMs,
    idleTimeoutSeconds,
    absoluteTimeoutSeconds,
    graceMs: Math.round(computeGraceSeconds(idleTimeoutSeconds, limits) * 1000),
    siteHeartbeatSeconds: site.heartbeatSeconds ?? 0,
    heartbeatSeconds: limitHeartbeat(report.heartbeatSeconds, idleTimeoutSeconds),
    origin: origin ?? null,
    userAgent: userAgent ?? null,
    clientVersion: report.client ?? null,
    receivedAt: new Date(receivedAt),
    hasExpiredTicket: claims?.hasExpired ?? false,
    hasSignedAlias: claims?.session !== undefined,
  }
}

/** A longer heartbeat would let a report delay the end of its session. */
function limitHeartbeat(seconds: number | undefined, idleTimeoutSeconds: number): number | null {
  return seconds === undefined ? null : Math.min(seconds, idleTimeoutSeconds / 2)
}

interface ActivityTimes {
  readonly startedAt: number | undefined
  readonly lastAccessAt: number
  readonly sentAt: number
  readonly receivedAt: number
  readonly signedInAt: number | undefined
  readonly sender: 'browser' | 'server'
}

function findContradictions(times: ActivityTimes): Fault[] {
  const { startedAt, lastAccessAt, sentAt, receivedAt, signedInAt } = times
  const earliest = computeEarliestTimes(times)
  const clockSkewMs = receivedAt - sentAt
  const faults: Fault[] = []
  const refuse = (field: string, detail: string) => void faults.push({ path: [field], detail })

  if (lastAccessAt - sentAt > clockToleranceMs) refuse('lastAccessAt', 'is later than sentAt')
  else if (lastAccessAt + clockSkewMs < earliest.lastAccessAt) refuse('lastAccessAt', 'is over 400 days ago')
  else if (signedInAt !== undefined && signedInAt - (lastAccessAt + clockSkewMs) > clockToleranceMs)
    refuse('lastAccessAt', "is before the sign-in that the ticket's claim iat states")
  if (startedAt === undefined) return faults
  if (startedAt - Math.min(lastAccessAt, sentAt) > clockToleranceMs)
    refuse('startedAt', 'is later than lastAccessAt or sentAt')
  else if (startedAt + clockSkewMs < earliest.startedAt - clockToleranceMs)
    refuse('startedAt', 'is over 400 days ago')
  return faults
}
