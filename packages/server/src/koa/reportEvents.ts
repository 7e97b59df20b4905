import type Application from 'koa'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { type KnownSession, reportEnd } from '../session/sessionChange.ts'
import { readSessionData } from './knownSession.ts'
import type { StoredKeys } from './storedKeys.ts'

/** The browser may send an expired cookie with each request, so the last sessions are remembered. */
const maxReported = 10_000

interface SessionEvent {
  /** The key in the store. */
  readonly key?: string
  readonly value?: unknown
}

/**
 * Reports the sessions that koa-session finds expired, refused by the application's `valid`, or missing in the store.
 */
export function reportEvents(
  lapse: Pick<LapseServer, 'ended' | 'reportError'>,
  app: Pick<Application, 'on'>,
  keys: StoredKeys,
): void {
  const reported = new Set<string>()
  const report = (session: KnownSession | undefined, reason?: 'revoked') => {
    if (!session || reported.has(session.stored.session)) return
    const [oldest] = reported
    if (oldest !== undefined && reported.size >= maxReported) reported.delete(oldest)
    reported.add(session.stored.session)
    reportEnd(lapse, session, reason)
  }
  app.on('session:expired', ({ value }: SessionEvent) => attempt(lapse, () => report(readSessionData(value))))
  app.on('session:invalid', ({ value }: SessionEvent) =>
    attempt(lapse, () => report(readSessionData(value), 'revoked')),
  )
  // Somebody has deleted the session from the store, or the store has lost it.
  app.on('session:missed', ({ key }: SessionEvent) =>
    attempt(lapse, () => report(key === undefined ? undefined : keys.take(key))),
  )
}
