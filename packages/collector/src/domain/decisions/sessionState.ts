import type { LapseError } from '../errors.ts'
import { compareEvidence, type Evidence } from '../evidence.ts'
import type { LiveSession } from '../liveSession.ts'
import type { NewSessionEnd, SessionEnd } from '../sessionEnd.ts'

/** A row of the audit table, and what has been recorded about it since. */
export interface KnownSessionEnd extends SessionEnd {
  /** Whether another row supersedes this one. */
  readonly isSuperseded: boolean
  /** Whether the user is known to have returned. */
  readonly hasReturn: boolean
}

/** A logout that was acknowledged without a row. It stops late activity reports. */
export interface RememberedLogout {
  readonly site: string
  readonly sessionKey: string
  readonly marker: string | null
  readonly evidence: Evidence
  readonly detectedAt: Date
  readonly clockSkewMs: number
  readonly receivedAt: Date
}

/** The return of a user whose timeout the sweep had recorded. */
export interface SessionReturn {
  /** The id of the sweep's row. */
  readonly auditId: number
  readonly site: string
  readonly returnedAt: Date
  readonly receivedAt: Date
}

/** What the database has under one session key. */
export interface SessionRecords {
  readonly live: LiveSession | undefined
  /** All rows of the session, those under another key included if they supersede one of these. */
  readonly rows: readonly KnownSessionEnd[]
  readonly logout: RememberedLogout | undefined
}

/** Everything that is known about the session of a report. Reports are decided on it without the database. */
export interface SessionState {
  /** Under the session's own key. */
  readonly own: SessionRecords
  /** Under the report's marker, if the session has an alias: what was reported before the alias was known. */
  readonly underMarker: SessionRecords
}

export const emptyRecords: SessionRecords = { live: undefined, rows: [], logout: undefined }

/** A change that a decision makes. All changes of a decision are committed together. */
export type Change =
  | { readonly kind: 'insertRow'; readonly row: NewSessionEnd }
  | { readonly kind: 'insertReturn'; readonly sessionReturn: SessionReturn }
  | { readonly kind: 'putLive'; readonly live: LiveSession }
  | { readonly kind: 'removeLive'; readonly live: LiveSession }
  | { readonly kind: 'rememberLogout'; readonly logout: RememberedLogout }

/** Why a report was refused although it is well-formed and authorized. */
export interface Refusal {
  readonly kind: 'refused'
  readonly error: LapseError
}

export interface Decision<Answer> {
  readonly changes: readonly Change[]
  readonly answer: Answer
}

/** Lists all rows of a session. */
export function listRows({ own, underMarker }: SessionState): readonly KnownSessionEnd[] {
  const ownIds = new Set(own.rows.map(({ id }) => id))
  return [...own.rows, ...underMarker.rows.filter(({ id }) => !ownIds.has(id))]
}

/**
 * Lists the rows of a session that are current. There are two if one was recorded under the marker and another one under
 * the alias, before a report named both. The one under the session's own key is first.
 */
export function listCurrentRows(state: SessionState): readonly KnownSessionEnd[] {
  return listRows(state).filter(({ isSuperseded }) => !isSuperseded)
}

/**
 * Returns whether a ticket or a server has registered the session for this user. Only then does a ticket count that has
 * expired.
 */
export function isRegisteredFor(subject: string | null, state: SessionState): boolean {
  const known = [state.own.live, state.underMarker.live, ...listRows(state)]
  return known.some(
    (each) => each !== undefined && each.subject === subject && compareEvidence(each.evidence, 'signed') >= 0,
  )
}

type TicketHolder = Pick<SessionEnd, 'evidence' | 'subject'> & {
  /** Whether the ticket names the session. */
  readonly hasSignedAlias: boolean
}

/**
 * Returns whether a report has the ticket of another user than the one for whom a ticket or a server has registered the
 * session. If the ticket does not name the session, it says nothing about it: everybody who is signed in has a ticket.
 */
export function hasForeignTicket({ own, underMarker }: SessionState, holder: TicketHolder): boolean {
  const { evidence, subject, hasSignedAlias } = holder
  if (evidence !== 'signed' || hasSignedAlias) return false
  return belongsToAnother(own, subject) || belongsToAnother(underMarker, subject)
}

/**
 * Leaves out what is stored under the marker, if it belongs to another user than the session of a report. A ticket or a
 * server that names the session does not name the one under the marker.
 *
 * @returns the same state if there is nothing to leave out.
 */
export function hideForeignMarker(state: SessionState, holder: TicketHolder): SessionState {
  const { evidence, subject, hasSignedAlias } = holder
  const namesUser = subject !== null && (hasSignedAlias || evidence === 'server')
  if (!namesUser || !belongsToAnother(state.underMarker, subject)) return state
  return { own: state.own, underMarker: emptyRecords }
}

/** Returns whether a ticket or a server has registered a session for another user. */
function belongsToAnother({ live, rows }: SessionRecords, subject: string | null): boolean {
  return [live, ...rows.filter(({ isSuperseded }) => !isSuperseded)].some(
    (known) =>
      known !== undefined &&
      known.subject !== null &&
      known.subject !== subject &&
      compareEvidence(known.evidence, 'signed') >= 0,
  )
}
