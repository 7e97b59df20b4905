import type { LapseServer } from '../lapseServer.ts'
import { endInStore } from '../session/endInStore.ts'
import { readStoredSession } from '../session/session.ts'
import { reportEnd } from '../session/sessionChange.ts'
import type { SessionStore, StoreSession } from './sessionStore.ts'

/**
 * Ends a session of a store: reports it, then destroys it. A session that is not in the store is not reported.
 *
 * @param sid the session's own id.
 * @throws what the store reports.
 */
export async function endSession(
  lapse: Pick<LapseServer, 'ended'>,
  store: SessionStore,
  sid: string,
  reason: 'revoked' | 'displaced',
): Promise<void> {
  await endInStore(store, sid, (data) => {
    const stored = readStoredSession((data as StoreSession | null | undefined)?.lapse)
    if (stored) reportEnd(lapse, { stored }, reason)
  })
}
