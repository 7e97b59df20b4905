import type { KnownSessionEnd, RememberedLogout } from '../domain/decisions/sessionState.ts'
import { formatId, formatKey, type SessionId } from './sessionIds.ts'
import type { SessionKeys, SessionWork } from './sessionWork.ts'

/** The sessions whose rows are needed, and those whose remembered logouts are needed too. */
export interface HistoryIds {
  readonly withRows: readonly SessionId[]
  readonly withLogouts: readonly SessionId[]
}

/** The rows of one session, with the key that they are read for. */
export interface SessionHistory extends SessionId {
  readonly rows: readonly KnownSessionEnd[]
  readonly logout: RememberedLogout | undefined
}

/** A report, and what decides whether the history of its session is needed. */
interface ReportNeeds {
  readonly work: SessionWork
  readonly keys: SessionKeys
  /** The keys under which its session may be stored. */
  readonly possibleKeys: readonly string[]
  readonly isLive: boolean
}

/**
 * Selects the sessions whose history is needed. Activity of a live session is decided without it, and most ends without
 * logouts.
 *
 * @param ids all sessions of the reports.
 */
export function selectHistoryIds(reports: readonly ReportNeeds[], ids: readonly SessionId[]): HistoryIds {
  const endedKeys = new Set<string>()
  const markers = new Set<string>()
  for (const { work, keys, possibleKeys } of reports) {
    for (const key of possibleKeys) if (work.kind === 'end') endedKeys.add(key)
    if (keys.underMarker !== undefined) markers.add(formatKey(keys.site, keys.underMarker))
  }
  const withRows = new Set<string>()
  const withLogouts = new Set<string>()
  for (const { work, keys, possibleKeys, isLive } of reports) {
    const isPlainActivity = work.kind === 'activity' && isLive && !work.activity.hasExpiredTicket
    // Another report of the batch may end the session, or take it over.
    const mayChange =
      possibleKeys.some((key) => endedKeys.has(key)) || markers.has(formatKey(keys.site, keys.own))
    if (isPlainActivity && !mayChange) continue
    const needsLogouts = work.kind === 'activity' || work.end.report.detectedBy === 'logout'
    for (const key of possibleKeys) {
      withRows.add(key)
      if (needsLogouts) withLogouts.add(key)
    }
  }
  return {
    withRows: ids.filter((id) => withRows.has(formatId(id))),
    withLogouts: ids.filter((id) => withLogouts.has(formatId(id))),
  }
}
