import type { LapseServer } from '../lapseServer.ts'
import { readStoredSession } from '../session/session.ts'
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
  const data = await new Promise<StoreSession | null | undefined>((resolve, reject) => {
    store.get(sid, (error, session) => (error ? reject(error) : resolve(session)))
  })
  const session = readStoredSession(data?.lapse)
  if (session) lapse.ended({ ...session, reason })
  await new Promise<void>((resolve, reject) => {
    store.destroy(sid, (error) => (error ? reject(error) : resolve()))
  })
}
