import { type ActivityAnswer, decideActivity } from '../domain/decisions/decideActivity.ts'
import { decideEnd, type EndAnswer, getEndedKey, type VerifiedEnd } from '../domain/decisions/decideEnd.ts'
import type { SessionOwner } from '../domain/decisions/findAlias.ts'
import type { Decision, SessionRecords, SessionState } from '../domain/decisions/sessionState.ts'
import type { LapseError } from '../domain/errors.ts'
import { compareEvidence } from '../domain/evidence.ts'
import type { Activity, LiveSession } from '../domain/liveSession.ts'
import { isSelftestAlias } from '../domain/selftest.ts'
import type { NewSessionEnd, SessionEnd } from '../domain/sessionEnd.ts'

/** A verified report, which is decided and stored together with others. */
export type SessionWork = ActivityWork | EndWork

export interface ActivityWork {
  readonly kind: 'activity'
  readonly activity: Activity
}

export interface EndWork {
  readonly kind: 'end'
  readonly end: VerifiedEnd
}

/** What became of an end report. */
export type EndOutcome =
  /** The session has a row: a new one, or the one that it had before. */
  | { readonly kind: 'recorded'; readonly row: SessionEnd; readonly duplicate: boolean }
  /** A logout that was only acknowledged, or an end after which the session was still used. */
  | { readonly kind: 'unrecorded'; readonly verdict: NewSessionEnd }

/** What became of an activity report. */
export interface ActivityOutcome {
  readonly kind: 'confirmed'
}

/** What became of one report of a batch. */
export type WorkOutcome =
  | EndOutcome
  | ActivityOutcome
  /** The report is refused, for the reason that the error gives. */
  | { readonly kind: 'refused'; readonly error: LapseError }
  /** The database refused the data of the report. */
  | { readonly kind: 'failed'; readonly refusal: unknown }

/** Under which keys a session can be stored. */
export interface SessionKeys {
  readonly site: string
  readonly own: string
  /** The marker, if the session has an alias and is not that of a self-test. */
  readonly underMarker: string | undefined
}

export function getKeys(work: SessionWork): SessionKeys {
  const { site, own, marker } =
    work.kind === 'activity'
      ? { ...work.activity, own: work.activity.sessionKey }
      : { ...work.end.report, own: getEndedKey(work.end) }
  const hasOneKey = marker === own || isSelftestAlias(own)
  return { site, own, underMarker: hasOneKey ? undefined : (marker ?? undefined) }
}

/** Returns the marker of a report that names no alias. */
export function getLoneMarker(work: SessionWork): string | undefined {
  const { own, underMarker } = getKeys(work)
  const { marker } = work.kind === 'activity' ? work.activity : work.end.report
  return underMarker === undefined && marker === own ? own : undefined
}

/** Adds the alias that is known to belong to the marker of a report. */
export function addAlias(work: SessionWork, session: string): SessionWork {
  if (work.kind === 'activity')
    return { kind: 'activity', activity: { ...work.activity, sessionKey: session, session } }
  return { kind: 'end', end: { ...work.end, report: { ...work.end.report, session } } }
}

/**
 * Describes whose session a report with the marker alone belongs to.
 *
 * @param live the session that is stored under the marker alone.
 */
export function describeOwner(work: SessionWork, live: LiveSession | undefined): SessionOwner {
  const { subject, isSigned } =
    work.kind === 'activity'
      ? { ...work.activity, isSigned: work.activity.evidence === 'signed' }
      : {
          subject: work.end.claims?.subject ?? work.end.report.subject ?? null,
          isSigned: work.end.claims !== undefined,
        }
  // A server may know the session by its marker alone, and only the browser knows its alias.
  const evidence = isSigned ? 'signed' : 'self_reported'
  if (!live || compareEvidence(live.evidence, evidence) <= 0) return { subject, evidence }
  return { subject: subject ?? live.subject, evidence: live.evidence }
}

/**
 * Finds the marker under which a session was stored before its alias was known, if an end report does not name it. The
 * session may have a row under it that this end supersedes.
 */
export function findResumedMarker(
  work: SessionWork,
  { own, underMarker }: SessionKeys,
  live: LiveSession | undefined,
): string | undefined {
  if (work.kind === 'activity' || !live || live.resumes === null || live.marker === null) return undefined
  return live.marker === own || live.marker === underMarker ? undefined : live.marker
}

/** Adds the rows of a session that are stored under another key. */
export function addRows(records: SessionRecords, others: SessionRecords): SessionRecords {
  const ids = new Set(records.rows.map(({ id }) => id))
  return { ...records, rows: [...records.rows, ...others.rows.filter(({ id }) => !ids.has(id))] }
}

/** Decides one report on what the database has about its session. */
export function decide(work: SessionWork, state: SessionState): Decision<ActivityAnswer | EndAnswer> {
  return work.kind === 'activity' ? decideActivity(state, work.activity) : decideEnd(state, work.end)
}

/** The texts of a report that the row of its session can have. */
export function describeTexts(work: SessionWork) {
  const { own: sessionKey } = getKeys(work)
  if (work.kind === 'activity') return { ...work.activity, sessionKey, ip: null }
  const { report, claims, request } = work.end
  return {
    sessionKey,
    marker: report.marker ?? null,
    session: claims?.session ?? report.session ?? null,
    subject: claims?.subject ?? report.subject ?? null,
    origin: request.origin ?? null,
    ip: request.ip ?? null,
    userAgent: request.userAgent ?? null,
    clientVersion: report.client ?? null,
  }
}
