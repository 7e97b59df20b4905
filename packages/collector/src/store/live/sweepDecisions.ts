import { decideSweep } from '../../domain/decisions/decideSweep.ts'
import { emptyRecords, type SessionRecords } from '../../domain/decisions/sessionState.ts'
import type { LiveSession } from '../../domain/liveSession.ts'
import { isSelftestAlias } from '../../domain/selftest.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { formatId, type SessionId } from '../../recording/sessionIds.ts'
import type { SweepPosition } from './sweepRepository.ts'

/** What a chunk of the sweep changes. */
export interface SweepChanges {
  readonly rows: readonly NewSessionEnd[]
  /** The sessions to remove, those without a row included. */
  readonly ended: readonly LiveSession[]
  /** Sessions under an alias that were used later under their marker alone. */
  readonly moved: readonly LiveSession[]
}

/**
 * Selects sessions that can be decided independently. Two sessions that share a marker can have the same rows, so the
 * second one has to see what was decided about the first. The next sweep finds it.
 */
export function selectIndependent(sessions: readonly LiveSession[]): LiveSession[] {
  const taken = new Set<string>()
  return sessions.filter((live) => {
    const keys = listIds(live).map(formatId)
    if (keys.some((key) => taken.has(key))) return false
    for (const key of keys) taken.add(key)
    return true
  })
}

/** Lists the keys under which a live session can have rows and logouts. */
export function listIds({ site, sessionKey, marker }: LiveSession): SessionId[] {
  const own = { site, sessionKey }
  const hasOneKey = marker === null || marker === sessionKey || isSelftestAlias(sessionKey)
  return hasOneKey ? [own] : [own, { site, sessionKey: marker }]
}

/** The markers of sessions that are stored without an alias. */
export function listLoneMarkers(sessions: readonly LiveSession[]): SessionId[] {
  return sessions
    .filter(({ session, sessionKey, marker }) => session === null && sessionKey === marker)
    .map(({ site, sessionKey }) => ({ site, sessionKey }))
}

/**
 * @param readRecords returns the rows and the logout under a key.
 * @param readLinked returns the sessions under an alias that have the marker of a session without one.
 */
export function decideChunk(
  sessions: readonly LiveSession[],
  now: Date,
  readRecords: (id: SessionId) => Pick<SessionRecords, 'rows' | 'logout'>,
  readLinked: (id: SessionId) => readonly SessionRecords[],
): SweepChanges {
  const rows: NewSessionEnd[] = []
  const ended: LiveSession[] = []
  const moved: LiveSession[] = []
  for (const live of sessions) {
    const [ownId, markerId] = listIds(live)
    const own = { ...emptyRecords, ...(ownId && readRecords(ownId)), live }
    const underMarker = { ...emptyRecords, ...(markerId && readRecords(markerId)) }
    const { answer, changes } = decideSweep({ own, underMarker }, now, readLinked(live))
    if (answer.kind === 'recorded') rows.push(answer.row)
    if (answer.kind !== 'live') ended.push(live)
    moved.push(...changes.flatMap((change) => (change.kind === 'putLive' ? change.live : [])))
  }
  return { rows, ended, moved }
}

export function getPosition(sessions: readonly LiveSession[]): SweepPosition | undefined {
  const last = sessions.at(-1)
  return last && { dueAt: last.dueAt, site: last.site, sessionKey: last.sessionKey }
}
