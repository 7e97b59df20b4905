import { compareEvidence } from '../evidence.ts'
import { compareMoments, type ReportedMoment, toMoment } from '../reportedMoment.ts'
import type { NewSessionEnd, SessionEnd } from '../sessionEnd.ts'
import { type KnownSessionEnd, listCurrentRows, listRows, type SessionState } from './sessionState.ts'

/** What to do with a row: the first of its session, a correction, or nothing new. */
export type RowDecision =
  | { readonly kind: 'insert' | 'supersede'; readonly row: NewSessionEnd }
  | { readonly kind: 'duplicate'; readonly row: KnownSessionEnd }

/** The first row of one kind of evidence, and ten corrections of that evidence. */
const maxRowsPerEvidence = 11

/**
 * Decides whether a row is the first of its session, knows better than the current row, or repeats what is known.
 *
 * @param graceMs the grace period of the session, in milliseconds.
 */
export function decideRow(row: NewSessionEnd, state: SessionState, graceMs: number): RowDecision {
  const rows = listRows(state)
  const [current] = listCurrentRows(state)
  if (!current) return { kind: 'insert', row }
  const count = rows.filter(({ evidence }) => evidence === row.evidence).length
  if (count >= maxRowsPerEvidence || !knowsBetter(row, current, graceMs))
    return { kind: 'duplicate', row: current }
  const revision = Math.max(...rows.map((each) => each.revision)) + 1
  return { kind: 'supersede', row: { ...row, revision, supersedes: current.id } }
}

/** Returns whether a report corrects the current row of its session. */
function knowsBetter(report: NewSessionEnd, current: SessionEnd, graceMs: number): boolean {
  if (report.reason === 'clock_anomaly') return false
  return (
    wasUsedLater(report, current, graceMs) ||
    isBetterKnown(report, current) ||
    wasPresumedWrongly(report, current) ||
    (current.reason === 'clock_anomaly' && compareEvidence(report.evidence, current.evidence) >= 0)
  )
}

function wasUsedLater(report: NewSessionEnd, current: SessionEnd, graceMs: number): boolean {
  if (report.lastAccessAt === null || compareEvidence(report.evidence, current.evidence) < 0) return false
  const lastAccess = toMoment(report, report.lastAccessAt)
  return compareMoments(lastAccess, getLastKnownUse(current)) > getToleranceMs(current, graceMs)
}

/** When the session of a row was last in use, as far as the row says. */
function getLastKnownUse(row: SessionEnd): ReportedMoment {
  return toMoment(row, row.lastAccessAt ?? row.detectedAt)
}

/** The moment from which on a session had ended, according to a row. */
export function getEnd(row: SessionEnd): ReportedMoment {
  const isStated = row.reason === 'logout' || row.reason === 'revoked' || row.reason === 'displaced'
  return isStated ? toMoment(row, row.detectedAt) : getLastKnownUse(row)
}

/** The sweep knows the last access to within the slack, which is how long it waits: from `expiredAt` to `detectedAt`. */
function getToleranceMs({ detectedBy, detectedAt, expiredAt }: SessionEnd, graceMs: number): number {
  return detectedBy === 'sweep' && expiredAt !== null ? detectedAt.getTime() - expiredAt.getTime() : graceMs
}

function isBetterKnown(report: NewSessionEnd, current: SessionEnd): boolean {
  if (compareEvidence(report.evidence, current.evidence) <= 0 || report.reason === current.reason)
    return false
  return !(
    isTimeout(current) && (current.expiredAt ?? current.detectedAt) < (report.expiredAt ?? report.detectedAt)
  )
}

function wasPresumedWrongly(report: NewSessionEnd, current: SessionEnd): boolean {
  return (
    current.detectedBy === 'sweep' &&
    compareEvidence(current.evidence, report.evidence) <= 0 &&
    !isTimeout(report) &&
    current.expiredAt !== null &&
    report.detectedAt < current.expiredAt
  )
}

function isTimeout({ reason }: NewSessionEnd): boolean {
  return reason === 'idle_timeout' || reason === 'absolute_timeout'
}
