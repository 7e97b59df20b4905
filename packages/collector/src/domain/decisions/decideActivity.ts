import { compareEvidence } from '../evidence.ts'
import {
  type Activity,
  describeUse,
  getLastAccess,
  type LiveSession,
  mayMove,
  moveSession,
  registerSession,
  takeOverSession,
} from '../liveSession.ts'
import { compareMoments, type ReportedMoment, toMoment } from '../reportedMoment.ts'
import type { Evidence } from '../sessionEnd.ts'
import { createExpiredTicketError } from '../ticket.ts'
import {
  type Change,
  type Decision,
  hasForeignTicket,
  isRegisteredFor,
  listCurrentRows,
  type Refusal,
  type SessionState,
} from './sessionState.ts'
import { getEnd } from './supersede.ts'

/** What became of an activity report. A sender is not told whether the report changed something. */
export type ActivityAnswer = { readonly kind: 'confirmed' } | Refusal

const confirmed: Decision<ActivityAnswer> = { changes: [], answer: { kind: 'confirmed' } }

/**
 * Decides what an activity report changes. It registers a session, moves it, makes a session live again that had ended,
 * or changes nothing.
 *
 * @param state needs no rows and no logouts if the session is live.
 */
export function decideActivity(state: SessionState, activity: Activity): Decision<ActivityAnswer> {
  if (activity.hasExpiredTicket && !isRegisteredFor(activity.subject, state)) return decideUnregistered(state)
  if (hasForeignTicket(state, activity)) return confirmed
  const changes = continueSession(state, activity) ?? startSession(state, activity)
  return changes.length === 0 ? confirmed : { changes, answer: { kind: 'confirmed' } }
}

/** A remembered logout does not say whose session it was. After it, the ticket cannot do anything. */
function decideUnregistered({ own, underMarker }: SessionState): Decision<ActivityAnswer> {
  if (own.logout || underMarker.logout) return confirmed
  return { changes: [], answer: { kind: 'refused', error: createExpiredTicketError() } }
}

/** @returns undefined if the session is not live. */
function continueSession({ own, underMarker }: SessionState, activity: Activity): Change[] | undefined {
  const earlier = underMarker.live && mayMove(underMarker.live, activity) ? underMarker.live : undefined
  const live = joinSessions(own.live, earlier, activity)
  if (!live) return undefined
  const moved = moveSession(live, activity)
  return [
    ...(moved === own.live ? [] : [{ kind: 'putLive', live: moved } as const]),
    ...(earlier ? [{ kind: 'removeLive', live: earlier } as const] : []),
  ]
}

/** Joins the session with what was reported before its alias was known. */
function joinSessions(
  live: LiveSession | undefined,
  underMarker: LiveSession | undefined,
  activity: Activity,
): LiveSession | undefined {
  if (!underMarker) return live
  return live ? moveSession(live, describeUse(underMarker)) : takeOverSession(underMarker, activity)
}

function startSession(state: SessionState, activity: Activity): Change[] {
  const logouts = [state.own.logout, state.underMarker.logout].filter((logout) => logout !== undefined)
  if (!logouts.every((logout) => isLaterThan(activity, logout.evidence, toMoment(logout, logout.detectedAt))))
    return []
  // Contradictory times do not say when a session ended.
  const ends = listCurrentRows(state).filter(({ reason }) => reason !== 'clock_anomaly')
  if (!ends.every((row) => isLaterThan(activity, row.evidence, getEnd(row)))) return []
  const [end] = ends
  const resumption = end && { resumedAt: activity.lastAccessAt, resumes: end.id }
  return [{ kind: 'putLive', live: registerSession(activity, resumption) }]
}

/** Returns whether a report shows that a session was used after its reported end. */
function isLaterThan(activity: Activity, evidence: Evidence, end: ReportedMoment): boolean {
  return (
    compareEvidence(activity.evidence, evidence) >= 0 &&
    compareMoments(getLastAccess(activity), end) > activity.graceMs
  )
}
