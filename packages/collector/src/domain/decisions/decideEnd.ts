import type { EndReport } from '../endReport.ts'
import { compareEvidence } from '../evidence.ts'
import { isUnrecordedLogout, judgeReport, type ReportRequest } from '../judgeReport.ts'
import { computeGraceSeconds, type Limits } from '../limits.ts'
import { getLastAccess, type LiveSession } from '../liveSession.ts'
import { compareMoments, toMoment } from '../reportedMoment.ts'
import type { NewSessionEnd } from '../sessionEnd.ts'
import type { Site } from '../site.ts'
import { createExpiredTicketError, type TicketClaims } from '../ticket.ts'
import {
  type Change,
  type Decision,
  hasForeignTicket,
  hideForeignMarker,
  isRegisteredFor,
  type KnownSessionEnd,
  listRows,
  type Refusal,
  type RememberedLogout,
  type SessionState,
} from './sessionState.ts'
import { decideRow, type RowDecision } from './supersede.ts'

/** A verified report that a session has ended. */
export interface VerifiedEnd {
  readonly report: EndReport
  /** Of the verified ticket, if the report has one. */
  readonly claims: TicketClaims | undefined
  readonly site: Limits & Pick<Site, 'recordLogouts'>
  readonly request: ReportRequest
}

/** Returns the key of the session that a report ends. */
export function getEndedKey({ report, claims }: VerifiedEnd): string {
  // The schemas make sure that a report has an alias or a marker.
  return claims?.session ?? report.session ?? report.marker ?? ''
}

/** What became of an end report. */
export type EndAnswer =
  | { readonly kind: 'recorded'; readonly row: NewSessionEnd }
  | { readonly kind: 'duplicate'; readonly row: KnownSessionEnd }
  /** A logout that was only acknowledged, or an end after which the session was still used. */
  | { readonly kind: 'unrecorded'; readonly verdict: NewSessionEnd }
  | Refusal

/** Decides what an end report changes: the row that it adds, and the live session that it ends. */
export function decideEnd(known: SessionState, end: VerifiedEnd): Decision<EndAnswer> {
  const { report, claims, site, request } = end
  const reported = judgeReport(report, claims, site, request)
  const holder = { ...reported, hasSignedAlias: claims?.session !== undefined }
  const state = hideForeignMarker(known, holder)
  if (claims?.hasExpired && !isRegisteredFor(claims.subject, state))
    return { changes: [], answer: { kind: 'refused', error: createExpiredTicketError() } }

  if (hasForeignTicket(state, holder))
    return { changes: [], answer: { kind: 'unrecorded', verdict: reported } }
  if (isPlainLogout(report) && isRememberedLogout(state, reported))
    return {
      changes: [],
      answer: { kind: 'unrecorded', verdict: { ...reported, reason: 'logout', expiredAt: null } },
    }
  const live = listEndedSessions(state, reported)
  if (live.some((each) => wasUsedAfter(each, reported, computeGraceMs(reported, site))))
    return decideRefuted(state, reported, site)

  const latest = findLatest(live)
  const row = latest ? judgeReport(report, claims, site, request, latest) : reported
  const decision = decideStableRow(row, reported, state, site)
  const isUnrecorded = decision.kind === 'insert' && isUnrecordedLogout(report, row, site)
  const changes: Change[] = [
    ...(isUnrecorded ? listLogout(state, row, state === known ? row.marker : null) : listRow(decision)),
    ...live
      .filter((each) => endsSession(row, decision, each))
      .map((each) => ({ kind: 'removeLive', live: each }) as const),
    ...listReturn(state, row),
  ]
  return { changes, answer: isUnrecorded ? { kind: 'unrecorded', verdict: row } : answerRow(decision) }
}

/**
 * Decides on a row that the live session helped to judge. If a repeat of the report, judged without the live session,
 * would supersede the current row, this row does so now. Otherwise the repeat would have the last word.
 */
function decideStableRow(
  row: NewSessionEnd,
  reported: NewSessionEnd,
  state: SessionState,
  site: VerifiedEnd['site'],
): RowDecision {
  const decision = decideRow(row, state, computeGraceMs(row, site))
  if (decision.kind !== 'duplicate') return decision
  const repeated = decideRow(reported, state, computeGraceMs(reported, site))
  return repeated.kind === 'supersede' ? { ...repeated, row: supersedeLike(row, repeated.row) } : decision
}

function supersedeLike(row: NewSessionEnd, { revision, supersedes }: NewSessionEnd): NewSessionEnd {
  return { ...row, revision, supersedes }
}

/** Returns whether a browser reports a logout that neither names a reason nor asks for a row. */
function isPlainLogout(report: EndReport): boolean {
  return report.detectedBy === 'logout' && !report.reason && report.report !== true
}

/**
 * Returns whether a browser repeats a logout that was acknowledged without a row. It was judged by the last access of
 * the live session, which it ended.
 */
function isRememberedLogout(state: SessionState, reported: NewSessionEnd): boolean {
  const { logout } = state.own
  if (!logout || logout.marker !== reported.marker || listRows(state).length > 0) return false
  return compareMoments(toMoment(reported, reported.detectedAt), toMoment(logout, logout.detectedAt)) === 0
}

/** The session was still used after the reported end. A repeat of an earlier report is a duplicate nevertheless. */
function decideRefuted(
  state: SessionState,
  reported: NewSessionEnd,
  site: VerifiedEnd['site'],
): Decision<EndAnswer> {
  const decision = decideRow(reported, state, computeGraceMs(reported, site))
  return decision.kind === 'duplicate'
    ? { changes: listReturn(state, reported), answer: decision }
    : { changes: [], answer: { kind: 'unrecorded', verdict: reported } }
}

/** Lists the live sessions that a report ends. A weaker report does not join two sessions. */
function listEndedSessions({ own, underMarker }: SessionState, { evidence }: NewSessionEnd): LiveSession[] {
  const earlier =
    underMarker.live && compareEvidence(evidence, underMarker.live.evidence) >= 0
      ? underMarker.live
      : undefined
  return [own.live, earlier].filter((live) => live !== undefined)
}

/**
 * Returns whether evidence of at least the same rank shows that the session was used after its reported end.
 *
 * Without a browser's clock that dates both, the use must be later by more than the grace: a server reports the last
 * access and the end within a millisecond, and each of the two is dated by the time that its own request took.
 */
function wasUsedAfter(live: LiveSession, reported: NewSessionEnd, graceMs: number): boolean {
  const { reason, evidence, detectedAt } = reported
  if (reason === 'clock_anomaly' || compareEvidence(live.evidence, evidence) < 0) return false
  const [lastAccess, end] = [getLastAccess(live), toMoment(reported, detectedAt)]
  const toleranceMs = lastAccess.marker !== null && lastAccess.marker === end.marker ? 0 : graceMs
  // By both clocks: if the browser's clock was set back, an earlier access seems to be later.
  return live.lastAccessAt > detectedAt && compareMoments(lastAccess, end) > toleranceMs
}

function findLatest([first, second]: readonly LiveSession[]): LiveSession | undefined {
  if (!first || !second) return first
  return compareMoments(getLastAccess(second), getLastAccess(first)) > 0 ? second : first
}

function computeGraceMs({ idleTimeoutSeconds }: NewSessionEnd, { graceSeconds, ...site }: Limits): number {
  const limits = { idleTimeoutSeconds: idleTimeoutSeconds ?? site.idleTimeoutSeconds, graceSeconds }
  return Math.round(computeGraceSeconds(limits.idleTimeoutSeconds, limits) * 1000)
}

/** A weaker report that adds nothing to what is recorded does not stop the watch over a session that is live again. */
function endsSession({ reason, evidence }: NewSessionEnd, decision: RowDecision, live: LiveSession): boolean {
  if (reason === 'clock_anomaly') return false
  return decision.kind !== 'duplicate' || compareEvidence(live.evidence, evidence) <= 0
}

function listRow(decision: RowDecision): Change[] {
  return decision.kind === 'duplicate' ? [] : [{ kind: 'insertRow', row: decision.row }]
}

function answerRow(decision: RowDecision): EndAnswer {
  return decision.kind === 'duplicate' ? decision : { kind: 'recorded', row: decision.row }
}

/**
 * Remembers a logout, under the marker as well, because a late report of activity may not name the alias. One that is
 * remembered already stays if it forbids more.
 *
 * @param ownMarker the marker, unless it belongs to a session of another user.
 */
function listLogout(
  { own, underMarker }: SessionState,
  row: NewSessionEnd,
  ownMarker: string | null,
): Change[] {
  const { site, sessionKey, marker, evidence, detectedAt, clockSkewMs, receivedAt } = row
  const logout: RememberedLogout = { site, sessionKey, marker, evidence, detectedAt, clockSkewMs, receivedAt }
  const logouts = forbidsMore(logout, own.logout) ? [logout] : []
  if (ownMarker !== null && ownMarker !== sessionKey && forbidsMore(logout, underMarker.logout))
    logouts.push({ ...logout, sessionKey: ownMarker })
  return logouts.map((each) => ({ kind: 'rememberLogout', logout: each }))
}

function forbidsMore(logout: RememberedLogout, known: RememberedLogout | undefined): boolean {
  if (!known) return true
  const rank = compareEvidence(logout.evidence, known.evidence)
  return rank > 0 || (rank === 0 && logout.detectedAt > known.detectedAt)
}

/** The first report of a page without the session, after the sweep recorded a timeout, shows when the user returned. */
function listReturn(
  state: SessionState,
  { detectedBy, detectedAt, receivedAt, site }: NewSessionEnd,
): Change[] {
  if (detectedBy !== 'login_page' && detectedBy !== 'new_session') return []
  const swept = listRows(state)
    .filter((row) => row.detectedBy === 'sweep')
    .reduce<KnownSessionEnd | undefined>(
      (last, row) => (last && last.revision > row.revision ? last : row),
      undefined,
    )
  if (!swept || swept.hasReturn) return []
  return [
    { kind: 'insertReturn', sessionReturn: { auditId: swept.id, site, returnedAt: detectedAt, receivedAt } },
  ]
}
