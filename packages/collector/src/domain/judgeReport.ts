import type { EndReport } from './endReport.ts'
import { applyClaimedLimits, type Limits } from './limits.ts'
import type { Evidence, NewSessionEnd } from './sessionEnd.ts'
import type { Site } from './site.ts'
import type { TicketClaims } from './ticket.ts'
import {
  computeEarliestTimes,
  type JudgeInput,
  judge,
  type Reason,
  type SessionTimes,
  type Verdict,
} from './verdict.ts'

/** What the collector knows about the request that carried a report. */
export interface ReportRequest {
  /** Epoch milliseconds of the collector's clock. */
  readonly receivedAt: number
  readonly origin: string | undefined
  /** The part of the address that the site stores. */
  readonly ip: string | undefined
  readonly userAgent: string | undefined
}

/**
 * Judges why a session ended and builds the row for the audit table.
 *
 * @param claims of the verified ticket, if the report has one. They override the same fields of the report and limits.
 * @param siteLimits the limits that the site is configured with.
 */
export function judgeReport(
  report: EndReport,
  claims: TicketClaims | undefined,
  siteLimits: Limits,
  request: ReportRequest,
): NewSessionEnd {
  const { receivedAt } = request
  const input: JudgeInput = {
    times: completeTimes(report, receivedAt),
    declaredReason: findDeclaredReason(report),
    browserRestarted: report.browserRestarted,
    limits: applyClaimedLimits(siteLimits, claims),
    receivedAt,
    signedInAt: claims?.issuedAt,
    sender: report.detectedBy === 'server' ? 'server' : 'browser',
  }
  const verdict = judge(input)
  const session = claims?.session ?? report.session
  return {
    site: report.site,
    // The schemas make sure that a report has one of the two.
    sessionKey: session ?? report.marker ?? '',
    marker: report.marker ?? null,
    session: session ?? null,
    subject: claims?.subject ?? report.subject ?? null,
    reason: verdict.reason,
    evidence: determineEvidence(report, claims),
    detectedBy: report.detectedBy,
    ...convertToCollectorClock(input, verdict),
    elapsedMs: verdict.elapsedMs ?? null,
    idleTimeoutSeconds: input.limits.idleTimeoutSeconds,
    absoluteTimeoutSeconds: input.limits.absoluteTimeoutSeconds ?? null,
    clockSkewMs: verdict.clockSkewMs,
    browserRestarted: report.browserRestarted ?? null,
    origin: request.origin ?? null,
    ip: request.ip ?? null,
    userAgent: request.userAgent ?? null,
    clientVersion: report.client ?? null,
  }
}

/**
 * Returns whether a report is a logout that nobody wants in the audit. It is only acknowledged. A logout after a limit
 * was reached is judged as that timeout, so it is always recorded.
 */
export function isUnrecordedLogout(
  report: EndReport,
  { reason }: Pick<NewSessionEnd, 'reason'>,
  { recordLogouts }: Pick<Site, 'recordLogouts'>,
): boolean {
  return report.detectedBy === 'logout' && reason === 'logout' && !recordLogouts && report.report !== true
}

/** A server may leave out the times of detection and sending. Both then default to now. */
function completeTimes(report: EndReport, receivedAt: number): SessionTimes {
  const { startedAt, lastAccessAt, sentAt = receivedAt, detectedAt = sentAt } = report
  return { startedAt, lastAccessAt, detectedAt, sentAt }
}

function findDeclaredReason(report: EndReport): Reason | undefined {
  if (report.detectedBy === 'server') return report.reason
  return report.detectedBy === 'logout' ? (report.reason ?? 'logout') : undefined
}

function determineEvidence(report: EndReport, claims: TicketClaims | undefined): Evidence {
  if (report.detectedBy === 'server') return 'server'
  return claims ? 'signed' : 'self_reported'
}

type RowTimes = Pick<NewSessionEnd, 'startedAt' | 'lastAccessAt' | 'expiredAt' | 'detectedAt' | 'receivedAt'>

/**
 * Converts the sender's times to the collector's clock.
 *
 * An impossible time is replaced by the nearest possible one. Otherwise the row would always be at the top or at the
 * bottom of lists. Its reason is already `clock_anomaly`.
 */
function convertToCollectorClock(input: JudgeInput, { clockSkewMs, expiredAt }: Verdict): RowTimes {
  const { times, receivedAt } = input
  const earliest = computeEarliestTimes(input)
  const move = (at: number, notBefore = earliest.lastAccessAt) =>
    new Date(Math.min(Math.max(at + clockSkewMs, notBefore), receivedAt))
  const moveIfKnown = (at: number | undefined, notBefore?: number) =>
    at === undefined ? null : move(at, notBefore)
  return {
    startedAt: moveIfKnown(times.startedAt, earliest.startedAt),
    lastAccessAt: moveIfKnown(times.lastAccessAt),
    expiredAt: moveIfKnown(expiredAt),
    detectedAt: move(times.detectedAt),
    receivedAt: new Date(receivedAt),
  }
}
