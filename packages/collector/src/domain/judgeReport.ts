import type { EndReport } from './endReport.ts'
import { compareEvidence, type Evidence } from './evidence.ts'
import { applyClaimedLimits, type Limits } from './limits.ts'
import { computeExpiry, getGraceMs, type LiveSession } from './liveSession.ts'
import type { NewSessionEnd } from './sessionEnd.ts'
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
 * Judges why a session ended and builds the row for the audit table, as the first row of its session.
 *
 * @param claims of the verified ticket, if the report has one. They override the same fields of the report and limits.
 * @param siteLimits the limits that the site is configured with.
 * @param live the live session that the report ends, if there is one. It can know of a later access.
 */
export function judgeReport(
  report: EndReport,
  claims: TicketClaims | undefined,
  siteLimits: Limits,
  request: ReportRequest,
  live?: LiveSession,
): NewSessionEnd {
  const { receivedAt } = request
  const evidence = determineEvidence(report, claims)
  const input: JudgeInput = {
    times: completeTimes(report, receivedAt),
    declaredReason: findDeclaredReason(report),
    browserRestarted: report.browserRestarted,
    limits: applyClaimedLimits(siteLimits, claims),
    receivedAt,
    signedInAt: claims?.issuedAt,
    sender: report.detectedBy === 'server' ? 'server' : 'browser',
  }
  const known =
    live && judge(input).reason !== 'clock_anomaly' ? addLiveSession(input, report, evidence, live) : input
  const verdict = judge(known)
  const session = claims?.session ?? report.session
  return {
    site: report.site,
    // The schemas make sure that a report has one of the two.
    sessionKey: session ?? report.marker ?? '',
    revision: 1,
    supersedes: null,
    marker: report.marker ?? null,
    session: session ?? null,
    subject: claims?.subject ?? report.subject ?? findKnownSubject(live, evidence),
    reason: verdict.reason,
    evidence,
    detectedBy: report.detectedBy,
    ...convertToCollectorClock(known, verdict),
    elapsedMs: verdict.elapsedMs ?? null,
    idleTimeoutSeconds: known.limits.idleTimeoutSeconds,
    absoluteTimeoutSeconds: known.limits.absoluteTimeoutSeconds ?? null,
    clockSkewMs: verdict.clockSkewMs,
    browserRestarted: report.browserRestarted ?? null,
    origin: request.origin ?? null,
    ip: request.ip ?? null,
    userAgent: request.userAgent ?? null,
    clientVersion: report.client ?? null,
  }
}

/** Adds what a live session knows: its last access, its start, and the limits of its ticket. */
function addLiveSession(
  input: JudgeInput,
  report: EndReport,
  evidence: Evidence,
  live: LiveSession,
): JudgeInput {
  const { times, receivedAt, signedInAt } = input
  const clockSkewMs = receivedAt - times.sentAt
  const liveAccessAt = Math.min(findLiveAccess(live, report, times, clockSkewMs), times.detectedAt)
  const lastAccessAt =
    times.lastAccessAt === undefined || compareEvidence(live.evidence, evidence) >= 0
      ? Math.max(times.lastAccessAt ?? 0, liveAccessAt)
      : times.lastAccessAt
  const startedAt = times.startedAt ?? (live.startedAt ? live.startedAt.getTime() - clockSkewMs : undefined)
  const known = {
    ...input,
    times: { ...times, lastAccessAt, startedAt: startedAt && Math.min(startedAt, lastAccessAt) },
    declaredReason: findPassedTimeout(input, clockSkewMs, live) ?? input.declaredReason,
  }
  if (signedInAt !== undefined || live.signedInAt === null) return known
  return {
    ...known,
    limits: applyClaimedLimits(input.limits, {
      idleTimeoutSeconds: live.idleTimeoutSeconds,
      absoluteTimeoutSeconds: live.absoluteTimeoutSeconds ?? undefined,
    }),
    signedInAt: live.signedInAt.getTime(),
  }
}

/** Finds the last access of a live session by the clock of the sender. */
function findLiveAccess(
  live: LiveSession,
  { marker, detectedBy }: EndReport,
  { detectedAt }: SessionTimes,
  clockSkewMs: number,
): number {
  const lastAccessAt = live.lastAccessAt.getTime()
  // The same browser has the same clock, unless the clock was set back in between.
  const bySameClock = lastAccessAt - live.clockSkewMs
  const isSameBrowser = live.evidence !== 'server' && detectedBy !== 'server' && live.marker === marker
  return isSameBrowser && bySameClock <= detectedAt ? bySameClock : lastAccessAt - clockSkewMs
}

/** An end without a last access can come long after the session timed out. */
function findPassedTimeout(
  { times, declaredReason }: JudgeInput,
  clockSkewMs: number,
  live: LiveSession,
): Reason | undefined {
  if (times.lastAccessAt !== undefined || declaredReason === undefined) return undefined
  const { reason, expiresAt } = computeExpiry(live)
  const passedMs = times.detectedAt + clockSkewMs - expiresAt.getTime()
  return passedMs > getGraceMs(live) ? reason : undefined
}

/** A row of stronger evidence must not repeat what a browser claimed about the user. */
function findKnownSubject(live: LiveSession | undefined, evidence: Evidence): string | null {
  if (!live || (live.evidence === 'self_reported' && evidence !== 'self_reported')) return null
  return live.subject
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
