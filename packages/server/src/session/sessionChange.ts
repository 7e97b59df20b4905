import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import { checkActivity } from './checkActivity.ts'
import { limitToNow, type StoredSession } from './session.ts'

/** A signed-in session, with the times of the host's library as far as they are known, in epoch milliseconds. */
export interface KnownSession {
  readonly stored: StoredSession
  /** When the library last extended the session. */
  readonly lastAccessAt?: number | undefined
  readonly expiresAt?: number | undefined
  /** The session's own idle timeout, if it differs from that of the others. */
  readonly idleTimeoutSeconds?: number | undefined
}

/** What a request has done to the session, once the library has saved or removed it. */
export interface SessionChange {
  readonly before: KnownSession | undefined
  readonly after: KnownSession | undefined
  /** Says whether the library has extended the session, and the application counts that as activity. */
  isActivity(): boolean
  /** Why the application has ended the session, if it has said so. */
  readonly reason?: EndReason | undefined
}

/**
 * Reports what a request has done. Unless the application has given a reason, a session whose place another one has taken
 * was displaced, and one that is gone was a logout.
 */
export function reportChange(
  lapse: Pick<LapseServer, 'active' | 'ended' | 'reportError'>,
  { before, after, reason = after ? 'displaced' : 'logout', isActivity }: SessionChange,
): void {
  if (before && before.stored.session !== after?.stored.session) reportEnd(lapse, before, reason)
  if (!after || !checkActivity(lapse, isActivity)) return
  const { stored, lastAccessAt, idleTimeoutSeconds } = after
  lapse.active({ ...stored, lastAccessAt: lastAccessAt && limitToNow(lastAccessAt), idleTimeoutSeconds })
}

/**
 * Reports the end of a session. If it had expired before, its times say why.
 *
 * @param reason omit it if the session has certainly expired, or is missing for an unknown reason.
 */
export function reportEnd(
  lapse: Pick<LapseServer, 'ended'>,
  { stored, lastAccessAt, expiresAt }: KnownSession,
  reason?: EndReason,
): void {
  const hasExpired = expiresAt !== undefined && expiresAt < Date.now()
  const known = hasExpired ? undefined : reason
  // Nobody could say why it ended.
  if (known === undefined && lastAccessAt === undefined) return
  lapse.ended({
    ...stored,
    startedAt: limitToNow(stored.startedAt),
    lastAccessAt: lastAccessAt && limitToNow(lastAccessAt),
    reason: known,
  })
}
