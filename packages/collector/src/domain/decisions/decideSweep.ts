import { compareEvidence } from '../evidence.ts'
import {
  computeExpiry,
  describeUse,
  getGraceMs,
  getLastAccess,
  type LiveSession,
  moveSession,
} from '../liveSession.ts'
import { compareMoments, toMoment } from '../reportedMoment.ts'
import type { NewSessionEnd } from '../sessionEnd.ts'
import { findAlias } from './findAlias.ts'
import {
  type Decision,
  hideForeignMarker,
  type RememberedLogout,
  type SessionRecords,
  type SessionState,
} from './sessionState.ts'
import { decideRow } from './supersede.ts'

/** What the sweep did with a live session. */
export type SweepAnswer =
  | { readonly kind: 'recorded'; readonly row: NewSessionEnd }
  /**
   * It had ended before, which a concurrent report did not know, or it is live under its alias too. It is removed without
   * a row.
   */
  | { readonly kind: 'removed' }
  /** Its time has not run out. */
  | { readonly kind: 'live' }

/**
 * Decides whether the time of a live session has run out, and whether that is news.
 *
 * @param state with the live session under its own key. The records under its marker belong to the same session.
 * @param linked the sessions under an alias that have the marker of a session without an alias.
 */
export function decideSweep(
  state: SessionState,
  now: Date,
  linked: readonly SessionRecords[] = [],
): Decision<SweepAnswer> {
  const { live } = state.own
  if (!live || live.dueAt > now) return { changes: [], answer: { kind: 'live' } }
  const alias = live.session === null ? findAlias(live.sessionKey, live, linked) : undefined
  const known = linked.find((each) => isStoredUnder(alias, each))
  if (alias === undefined || !known) return decideDue(selectOwnRecords(state, live), live, live, now)
  if (known.live) return joinSessions(known.live, live)
  const named = { ...live, sessionKey: alias, session: alias }
  return decideDue({ own: known, underMarker: state.own }, live, named, now)
}

/** A session that was registered for another user can have the same marker. It is not this one. */
function selectOwnRecords(state: SessionState, { session, subject, evidence }: LiveSession): SessionState {
  const hasSignedAlias = session !== null && evidence !== 'self_reported'
  return hideForeignMarker(state, { subject, evidence, hasSignedAlias })
}

const isStoredUnder = (alias: string | undefined, { live, rows }: SessionRecords) =>
  live?.session === alias || rows.some(({ session }) => session === alias)

/** The session is live under its alias too. What is known of its use is kept there. */
function joinSessions(underAlias: LiveSession, underMarker: LiveSession): Decision<SweepAnswer> {
  const joined = moveSession(underAlias, describeUse(underMarker))
  return {
    changes: [
      { kind: 'removeLive', live: underMarker },
      ...(joined === underAlias ? [] : [{ kind: 'putLive', live: joined } as const]),
    ],
    answer: { kind: 'removed' },
  }
}

/** @param named the live session with its alias, if that is known from other reports. */
function decideDue(
  state: SessionState,
  live: LiveSession,
  named: LiveSession,
  now: Date,
): Decision<SweepAnswer> {
  const removal = { kind: 'removeLive', live } as const
  const logouts = [state.own.logout, state.underMarker.logout]
  if (logouts.some((logout) => logout && wasEndedBy(logout, live)))
    return { changes: [removal], answer: { kind: 'removed' } }
  const decision = decideRow(createTimeout(named, now), state, getGraceMs(live))
  if (decision.kind === 'duplicate') return { changes: [removal], answer: { kind: 'removed' } }
  const { row } = decision
  return { changes: [{ kind: 'insertRow', row }, removal], answer: { kind: 'recorded', row } }
}

/** A weaker logout does not end a session: it may be that of another session, which claims the same marker. */
function wasEndedBy(logout: RememberedLogout, live: LiveSession): boolean {
  const rank = compareEvidence(logout.evidence, live.evidence)
  const wasUsedLater = compareMoments(getLastAccess(live), toMoment(logout, logout.detectedAt)) > 0
  return rank > 0 || (rank === 0 && !wasUsedLater)
}

/**
 * Creates the row of a session whose time ran out.
 *
 * The timeout is detected at the moment at which it was due, not when the sweep gets around to it. So the time from
 * `expiredAt` to `detectedAt` is the slack, and later reports are compared with it.
 */
function createTimeout(live: LiveSession, now: Date): NewSessionEnd {
  const { reason, expiresAt } = computeExpiry(live)
  const { site, sessionKey, marker, session, subject, evidence, startedAt, lastAccessAt, dueAt } = live
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, clockSkewMs, origin, userAgent, clientVersion } = live
  return {
    ...{ site, sessionKey, marker, session, subject, evidence, startedAt, lastAccessAt },
    ...{ idleTimeoutSeconds, absoluteTimeoutSeconds, clockSkewMs, origin, userAgent, clientVersion },
    revision: 1,
    supersedes: null,
    reason,
    detectedBy: 'sweep',
    expiredAt: expiresAt,
    detectedAt: dueAt,
    receivedAt: now,
    elapsedMs: dueAt.getTime() - lastAccessAt.getTime(),
    browserRestarted: null,
    ip: null,
  }
}
