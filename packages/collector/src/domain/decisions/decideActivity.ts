import { compareEvidence, type Evidence } from '../evidence.ts'
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
import { createExpiredTicketError } from '../ticket.ts'
import {
  type Change,
  type Decision,
  emptyRecords,
  hasForeignTicket,
  hideForeignMarker,
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
 * @param known needs no rows and no logouts if the session is live under its own key.
 */
export function decideActivity(known: SessionState, activity: Activity): Decision<ActivityAnswer> {
  const state = hideForeignMarker(known.own.live ? omitRows(known) : known, activity)
  if (activity.hasExpiredTicket && !isRegisteredFor(activity.subject, state)) return decideUnregistered(state)
  if (hasForeignTicket(state, activity)) return confirmed
  const changes = continueSession(state, activity) ?? startSession(state, activity)
  return changes.length === 0 ? confirmed : { changes, answer: { kind: 'confirmed' } }
}

/** The rows of a live session do not matter, and may not have been read. */
function omitRows({ own, underMarker }: SessionState): SessionState {
  return { own: { ...own, rows: [] }, underMarker: { ...underMarker, rows: [] } }
}

/** A remembered logout does not say whose session it was. After it, the ticket cannot do anything. */
function decideUnregistered({ own, underMarker }: SessionState): Decision<ActivityAnswer> {
  if (own.logout || underMarker.logout) return confirmed
  return { changes: [], answer: { kind: 'refused', error: createExpiredTicketError() } }
}

/** @returns undefined if the session is not live. */
function continueSession({ own, underMarker }: SessionState, activity: Activity): Change[] | undefined {
  const earlier = underMarker.live && mayMove(underMarker.live, activity) ? underMarker.live : undefined
  if (!earlier) return own.live && putMoved(own.live, moveSession(own.live, activity))
  const removal = { kind: 'removeLive', live: earlier } as const
  if (own.live) {
    const joined = moveSession(own.live, describeUse(earlier))
    return [...putMoved(own.live, moveSession(joined, activity)), removal]
  }
  // The session may have ended under its alias. What was reported under the marker does not change that.
  const start = findStart({ own, underMarker: emptyRecords }, activity)
  if (!start) return []
  const takenOver = { ...takeOverSession(earlier, activity), ...(start.resumes !== null && start) }
  return [{ kind: 'putLive', live: moveSession(takenOver, activity) }, removal]
}

function putMoved(live: LiveSession, moved: LiveSession): Change[] {
  return moved === live ? [] : [{ kind: 'putLive', live: moved }]
}

function startSession(state: SessionState, activity: Activity): Change[] {
  const start = findStart(state, activity)
  return start ? [{ kind: 'putLive', live: registerSession(activity, start) }] : []
}

type Start = Pick<LiveSession, 'resumedAt' | 'resumes'>

/** @returns the end after which the session is live again, if any; undefined if the activity makes nothing live. */
function findStart(state: SessionState, activity: Activity): Start | undefined {
  const logouts = [state.own.logout, state.underMarker.logout].filter((logout) => logout !== undefined)
  if (!logouts.every((logout) => isLaterThan(activity, logout.evidence, toMoment(logout, logout.detectedAt))))
    return undefined
  // Contradictory times do not say when a session ended.
  const ends = listCurrentRows(state).filter(({ reason }) => reason !== 'clock_anomaly')
  if (!ends.every((row) => isLaterThan(activity, row.evidence, getEnd(row)))) return undefined
  const [end] = ends
  return end ? { resumedAt: activity.lastAccessAt, resumes: end.id } : { resumedAt: null, resumes: null }
}

/** Returns whether a report shows that a session was used after its reported end. */
function isLaterThan(activity: Activity, evidence: Evidence, end: ReportedMoment): boolean {
  return (
    compareEvidence(activity.evidence, evidence) >= 0 &&
    compareMoments(getLastAccess(activity), end) > activity.graceMs
  )
}
