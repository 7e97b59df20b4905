import { z } from 'zod'
import { compareEvidence } from './evidence.ts'
import { compareMoments, type ReportedMoment, toMoment } from './reportedMoment.ts'
import { sessionEndSchema, timeSchema } from './sessionEnd.ts'

const { site, sessionKey, marker, session, subject, evidence, origin, userAgent, clientVersion } =
  sessionEndSchema.shape

/**
 * A row of the table of live sessions: a session that reports say is in use. This is the only list of its fields.
 * Times are by the collector's clock.
 */
export const liveSessionSchema = z.object({
  site,
  sessionKey,
  marker: marker.describe("The id of the client's marker in the last report that named one."),
  session,
  subject,
  evidence: evidence.describe('How far the report that last moved the session can be trusted.'),
  startedAt: timeSchema.nullable().describe('When the session started, as far as reports say.'),
  signedInAt: timeSchema.nullable().describe('When the user signed in, according to a ticket.'),
  lastAccessAt: timeSchema.describe('When the session was last used.'),
  clockSkewMs: z
    .int()
    .describe('Milliseconds that were added to the times of the report that last moved the session.'),
  idleTimeoutSeconds: z.int().describe("The session's idle timeout, in seconds."),
  absoluteTimeoutSeconds: z.int().nullable().describe("The session's absolute timeout, in seconds."),
  heartbeatSeconds: z
    .number()
    .nullable()
    .describe('How often activity is reported, in seconds. Null if neither the site nor a report says.'),
  expiresAt: timeSchema.describe('When the first limit is reached unless the session is used again.'),
  dueAt: timeSchema.describe('When the sweep records the timeout: `expiresAt` plus the slack.'),
  waitMs: z.int().describe('How long the sweep waits after a disturbance, in milliseconds.'),
  origin: origin.describe('The origin of the page that last moved the session.'),
  userAgent: userAgent.describe('The `User-Agent` header of the report that last moved the session.'),
  clientVersion: clientVersion.describe('The version of the client that last moved the session.'),
  registeredAt: timeSchema.describe('When the collector received the first report.'),
  resumedAt: timeSchema.nullable().describe('When the session was used again after its end was reported.'),
  resumes: z.int().nullable().describe('The id of the row that recorded that end.'),
})

/** A session that has not ended yet, as far as reports say. */
export type LiveSession = Readonly<z.output<typeof liveSessionSchema>>

/** What a report says about the use of a session. */
export interface SessionUse
  extends Pick<
    LiveSession,
    | 'marker'
    | 'session'
    | 'subject'
    | 'evidence'
    | 'startedAt'
    | 'signedInAt'
    | 'lastAccessAt'
    | 'clockSkewMs'
    | 'idleTimeoutSeconds'
    | 'absoluteTimeoutSeconds'
    | 'origin'
    | 'userAgent'
    | 'clientVersion'
  > {
  readonly graceMs: number
  /** The heartbeat that the site is configured with, in seconds. */
  readonly siteHeartbeatSeconds: number
  /** The heartbeat that the report states, in seconds. Null if it states none. */
  readonly heartbeatSeconds: number | null
}

/** A verified report that a session was used. */
export interface Activity extends SessionUse {
  readonly site: string
  readonly sessionKey: string
  readonly receivedAt: Date
  /** Whether the ticket of the report has expired. It then counts only for the session that it registered. */
  readonly hasExpiredTicket: boolean
  /** Whether the ticket names the session. Otherwise its alias is only what the sender claims. */
  readonly hasSignedAlias: boolean
}

/** A report that a session started a moment earlier is a matter of the request's duration. */
const startToleranceMs = 1_000

/** Creates a live session. */
export function registerSession(
  activity: Activity,
  resumption: Pick<LiveSession, 'resumedAt' | 'resumes'> = { resumedAt: null, resumes: null },
): LiveSession {
  const { site, sessionKey, receivedAt, hasExpiredTicket, hasSignedAlias, graceMs, ...rest } = activity
  const { siteHeartbeatSeconds, ...use } = rest
  return schedule(
    {
      ...use,
      site,
      sessionKey,
      heartbeatSeconds: chooseHeartbeat(activity, null),
      registeredAt: receivedAt,
      ...resumption,
    },
    graceMs,
  )
}

/**
 * Returns whether a report may change a live session: unsigned reports never change what a ticket or a server
 * registered.
 */
export function mayMove(
  live: Pick<LiveSession, 'evidence'>,
  { evidence }: Pick<SessionUse, 'evidence'>,
): boolean {
  return evidence !== 'self_reported' || live.evidence === 'self_reported'
}

/**
 * Moves the last access of a live session forward and its start back, never the other way.
 *
 * @returns the same object if the report says nothing new, so that nothing has to be written.
 */
export function moveSession(live: LiveSession, use: SessionUse): LiveSession {
  if (!mayMove(live, use)) return live
  const isStronger = compareEvidence(use.evidence, live.evidence) > 0
  const isLater = isUsedLater(use, live)
  const startedAt = chooseEarlier(live.startedAt, use.startedAt)
  const startsEarlier =
    startedAt !== null &&
    (live.startedAt?.getTime() ?? Number.POSITIVE_INFINITY) - startedAt.getTime() > startToleranceMs
  if (!isStronger && !isLater && !startsEarlier) return live
  // A ticket's limits are those of this session. A report without a ticket knows only those of the site.
  const keepsLimits = live.signedInAt !== null && use.signedInAt === null
  const { evidence, lastAccessAt, clockSkewMs, origin, userAgent, clientVersion } = isLater ? use : live
  return schedule(
    {
      ...live,
      ...{ lastAccessAt, clockSkewMs, origin, userAgent, clientVersion },
      // A server that names no marker does not mean another browser.
      marker: isLater ? (use.marker ?? live.marker) : live.marker,
      evidence: isStronger ? use.evidence : evidence,
      session: live.session ?? use.session,
      subject: chooseSubject(live, use, isStronger),
      startedAt,
      signedInAt: use.signedInAt ?? live.signedInAt,
      idleTimeoutSeconds: (keepsLimits ? live : use).idleTimeoutSeconds,
      absoluteTimeoutSeconds: (keepsLimits ? live : use).absoluteTimeoutSeconds,
      heartbeatSeconds: chooseHeartbeat(use, live.heartbeatSeconds),
    },
    keepsLimits ? getGraceMs(live) : use.graceMs,
  )
}

/** Continues a session, which is stored under its marker alone, under its alias. */
export function takeOverSession(
  underMarker: LiveSession,
  { sessionKey, session }: Pick<LiveSession, 'sessionKey' | 'session'>,
): LiveSession {
  return { ...underMarker, sessionKey, session }
}

/** Describes a live session like the report that last moved it. */
export function describeUse(live: LiveSession): SessionUse {
  return { ...live, graceMs: getGraceMs(live), siteHeartbeatSeconds: 0 }
}

/** When a live session was last used, and by which clock. */
export function getLastAccess(
  use: Pick<LiveSession, 'lastAccessAt' | 'clockSkewMs' | 'marker' | 'evidence'>,
): ReportedMoment {
  return toMoment(use, use.lastAccessAt)
}

/** The grace period by which the sweep waits longer than the heartbeat, in milliseconds. */
export function getGraceMs({
  expiresAt,
  dueAt,
  heartbeatSeconds,
}: Pick<LiveSession, 'expiresAt' | 'dueAt' | 'heartbeatSeconds'>): number {
  return dueAt.getTime() - expiresAt.getTime() - (heartbeatSeconds ?? 0) * 1000
}

/** Computes which limit a session reaches first unless it is used again, and when. */
export function computeExpiry({
  lastAccessAt,
  startedAt,
  signedInAt,
  idleTimeoutSeconds,
  absoluteTimeoutSeconds,
}: Pick<
  LiveSession,
  'lastAccessAt' | 'startedAt' | 'signedInAt' | 'idleTimeoutSeconds' | 'absoluteTimeoutSeconds'
>): { readonly reason: 'idle_timeout' | 'absolute_timeout'; readonly expiresAt: Date } {
  const lastAccess = lastAccessAt.getTime()
  const idleExpiry = lastAccess + idleTimeoutSeconds * 1000
  const start = signedInAt ?? startedAt
  if (start !== null && absoluteTimeoutSeconds !== null) {
    const absoluteExpiry = start.getTime() + absoluteTimeoutSeconds * 1000
    // A limit that passed before the last access did not end the session.
    if (lastAccess <= absoluteExpiry && absoluteExpiry < idleExpiry)
      return { reason: 'absolute_timeout', expiresAt: new Date(absoluteExpiry) }
  }
  return { reason: 'idle_timeout', expiresAt: new Date(idleExpiry) }
}

type Unscheduled = Omit<LiveSession, 'expiresAt' | 'dueAt' | 'waitMs'>

function schedule(session: Unscheduled, graceMs: number): LiveSession {
  const { expiresAt } = computeExpiry(session)
  const heartbeatMs = (session.heartbeatSeconds ?? 0) * 1000
  const slackMs = graceMs + heartbeatMs
  return {
    ...session,
    expiresAt,
    dueAt: new Date(expiresAt.getTime() + slackMs),
    waitMs: Math.ceil(heartbeatMs + slackMs),
  }
}

/** By both clocks: a report that took longer to arrive does not move the session back later. */
function isUsedLater(use: SessionUse, live: LiveSession): boolean {
  return use.lastAccessAt > live.lastAccessAt && compareMoments(getLastAccess(use), getLastAccess(live)) > 0
}

function chooseEarlier(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b
  return b < a ? b : a
}

/** A session has one user. Only stronger evidence corrects who that is. */
function chooseSubject(live: LiveSession, use: SessionUse, isStronger: boolean): string | null {
  if (!isStronger) return live.subject ?? use.subject
  return use.subject ?? (live.evidence === 'self_reported' ? null : live.subject)
}

function chooseHeartbeat(use: SessionUse, previousSeconds: number | null): number | null {
  return Math.max(use.siteHeartbeatSeconds, use.heartbeatSeconds ?? previousSeconds ?? 0) || null
}
