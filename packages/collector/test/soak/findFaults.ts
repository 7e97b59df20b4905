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
export function findFaults(history: SessionHistory, stored: StoredSession, now: number): string[] {
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

function findLoss({ ending, reports }: SessionHistory, { rows, live }: StoredSession, now: number): string[] {
  const lostRows = reports.filter(({ rowId }) => typeof rowId === 'number' && !hasRow(rows, rowId))
  const faults = lostRows.map(() => 'a row is missing that the collector confirmed')
  const isKnown = reports.some(isConfirmed)
  if (ending === 'stays') {
    if (isKnown && live.length === 0) faults.push('the user still works, and it is not live')
  } else if (live.length > 0) {
    faults.push(
      live.some(({ dueAt }) => dueAt < now) ? 'it is overdue' : 'it is live, although its user is gone',
    )
  } else if (isKnown && rows.length === 0 && !hasUnrecordedLogout(reports)) faults.push('it is lost')
  if (live.length > 1) faults.push('it is live twice')
  return faults
}

const hasRow = (rows: readonly StoredEnd[], id: number) => rows.some((row) => row.id === id)

const hasUnrecordedLogout = (reports: readonly SentReport[]) =>
  reports.some((report) => report.kind === 'end' && isConfirmed(report) && report.rowId === null)

/** Nobody is called idle while in use, not even in a row that has been superseded since. */
function findWrongTimeouts(
  { reports, lastUsedAt, hasLeft, ending }: SessionHistory,
  { rows }: StoredSession,
): string[] {
  return rows
    .filter(({ detectedBy }) => detectedBy === 'sweep')
    .flatMap((row, index, swept) => {
      const faults: string[] = []
      if (!hasLeft || row.receivedAt < lastUsedAt)
        faults.push('a row calls its user idle, who worked at that time')
      const confirmedAt = findConfirmedAccess(reports, row.receivedAt)
      if (row.lastAccessAt === null || row.lastAccessAt < confirmedAt - toleranceMs)
        faults.push('a row does not know an access that had been confirmed')
      else if (row.receivedAt < row.lastAccessAt + idleTimeoutSeconds * 1000)
        faults.push('a row was written before the session expired')
      const isLast = index === swept.length - 1
      if (ending === 'returns' && isLast && !row.hasReturn && hasConfirmedReturn(reports, row))
        faults.push('a row does not know that the user has returned')
      return faults
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
  const faults: string[] = []
  if (current.reason !== expected) faults.push(`its end is ${current.reason}, not ${expected}`)
  if (site === 'signed' && current.evidence === 'self_reported') faults.push('its evidence is not the ticket')
  const confirmedAt = findConfirmedAccess(reports, current.receivedAt)
  if ((current.lastAccessAt ?? 0) < confirmedAt - toleranceMs)
    faults.push('its current row does not know an access that had been confirmed')
  return faults
}

const expectedReasons = {
  leaves: 'idle_timeout',
  logsOut: 'logout',
  returns: 'idle_timeout',
  isRevoked: 'revoked',
  stays: 'idle_timeout',
} as const
