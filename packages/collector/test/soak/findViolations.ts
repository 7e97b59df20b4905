import { idleTimeoutSeconds } from './limits.ts'
import { isConfirmed, type SentReport, type SessionHistory } from './sessionHistory.ts'
import type { StoredEnd, StoredSession } from './storedSessions.ts'

/** Times are stored to the millisecond, and moved to the clock of the collector. */
const toleranceMs = 50
/** What a client gets while a database or a collector is away: from the collector, or from the load balancer. */
const temporaryStatuses: readonly number[] = [0, 502, 503, 504]

/**
 * Compares what really happened in a session with what is stored about it. It decides nothing by the collector's code.
 *
 * @param now when the database was read, in epoch milliseconds.
 * @returns what is wrong, in words.
 */
export function findViolations(history: SessionHistory, stored: StoredSession, now: number): string[] {
  return [
    ...findWrongAnswers(history),
    ...findBrokenRevisions(stored),
    ...findLoss(history, stored, now),
    ...findWrongTimeouts(history, stored),
    ...findWrongEnd(history, stored),
  ]
}

function findWrongAnswers({ reports }: SessionHistory): string[] {
  const refused = reports.filter(
    (report) => !isConfirmed(report) && !temporaryStatuses.includes(report.status),
  )
  return refused.map(({ kind, status }) => `an ${kind} report was answered ${status}`)
}

/** One session, one current row: each row but the first supersedes the one before it. */
function findBrokenRevisions({ rows }: StoredSession): string[] {
  const isChain = rows.every(
    ({ revision, supersedes }, index) =>
      revision === index + 1 && supersedes === (rows[index - 1]?.id ?? null),
  )
  return isChain ? [] : ['its rows are no chain of revisions: it has several current rows']
}

function findLoss(history: SessionHistory, { rows, live }: StoredSession, now: number): string[] {
  const { ending, reports } = history
  const lostRows = reports.filter(({ rowId }) => typeof rowId === 'number' && !hasRow(rows, rowId))
  const violations = lostRows.map(() => 'a row is missing that the collector confirmed')
  const isKnown = reports.some(isConfirmed)
  if (ending === 'stays') {
    if (isKnown && live.length === 0) violations.push('the user still works, and it is not live')
  } else if (live.length > 0) {
    violations.push(
      live.some(({ dueAt }) => dueAt < now) ? 'it is overdue' : 'it is live, although its user is gone',
    )
  } else if (isKnown && rows.length === 0 && !hasUnrecordedLogout(history)) violations.push('it is lost')
  if (live.length > 1) violations.push('it is live twice')
  const confirmedAt = findConfirmedAccess(reports, now)
  if (live.some(({ lastAccessAt }) => lastAccessAt < confirmedAt - toleranceMs))
    violations.push('it is live, and an access is missing that had been confirmed')
  return violations
}

const hasRow = (rows: readonly StoredEnd[], id: number) => rows.some((row) => row.id === id)

const hasUnrecordedLogout = ({ site, ending, reports }: SessionHistory) =>
  ending === 'logsOut' &&
  site !== 'recording' &&
  reports.some((report) => report.kind === 'end' && isConfirmed(report) && report.rowId === null)

/** Nobody is called idle while in use, not even in a row that has been superseded since. */
function findWrongTimeouts(
  { reports, lastUsedAt, hasLeft, ending }: SessionHistory,
  { rows }: StoredSession,
): string[] {
  return rows
    .filter(({ detectedBy }) => detectedBy === 'sweep')
    .flatMap((row, index, swept) => {
      const violations: string[] = []
      if (!hasLeft || row.receivedAt < lastUsedAt)
        violations.push('a row calls its user idle, who worked at that time')
      const confirmedAt = findConfirmedAccess(reports, row.receivedAt)
      if (row.lastAccessAt === null || row.lastAccessAt < confirmedAt - toleranceMs)
        violations.push('a row does not know an access that had been confirmed')
      else if (row.receivedAt < row.lastAccessAt + idleTimeoutSeconds * 1000)
        violations.push('a row was written before the session expired')
      const isLast = index === swept.length - 1
      if (ending === 'returns' && isLast && !row.hasReturn && hasConfirmedReturn(reports, row))
        violations.push('a row does not know that the user has returned')
      return violations
    })
}

/** @returns the latest access that the collector had confirmed at a moment. */
function findConfirmedAccess(reports: readonly SentReport[], at: number): number {
  const confirmed = reports.filter(
    (report) => report.kind === 'activity' && isConfirmed(report) && report.answeredAt <= at,
  )
  return Math.max(0, ...confirmed.map(({ lastAccessAt }) => lastAccessAt))
}

const hasConfirmedReturn = (reports: readonly SentReport[], row: StoredEnd) =>
  reports.some((report) => report.kind === 'end' && isConfirmed(report) && report.sentAt > row.receivedAt)

/** The current row says how the session really ended. */
function findWrongEnd({ ending, site, reports }: SessionHistory, { rows }: StoredSession): string[] {
  const current = rows.at(-1)
  if (!current) return []
  const hasReportedEnd = reports.some((report) => report.kind === 'end' && isConfirmed(report))
  const expected = hasReportedEnd ? expectedReasons[ending] : 'idle_timeout'
  const violations: string[] = []
  if (current.reason !== expected) violations.push(`its end is ${current.reason}, not ${expected}`)
  if (site === 'signed' && current.evidence === 'self_reported')
    violations.push('its evidence is not the ticket')
  const confirmedAt = findConfirmedAccess(reports, current.receivedAt)
  if ((current.lastAccessAt ?? 0) < confirmedAt - toleranceMs)
    violations.push('its current row does not know an access that had been confirmed')
  return violations
}

const expectedReasons = {
  leaves: 'idle_timeout',
  logsOut: 'logout',
  returns: 'idle_timeout',
  isRevoked: 'revoked',
  stays: 'idle_timeout',
} as const
