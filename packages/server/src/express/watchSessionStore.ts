import type { LapseServer } from '../lapseServer.ts'
import { readStoredSession, type StoredSession } from '../session/session.ts'
import type { SessionStore, StoreSession } from './sessionStore.ts'

/** The options of `watchSessionStore`. */
export interface WatchOptions {
  /**
   * How often the store is read, in seconds.
   *
   * @default 60
   */
  readonly everySeconds?: number | undefined
}

interface KnownSession {
  readonly session: StoredSession
  readonly lastAccessAt: number
  readonly expiresAt: number
}

/**
 * Watches a store that can list its sessions (`all`), such as the memory store, and reports those that have expired
 * with the times of the store. Activity reports already make the collector record timeouts; this is exact to the second
 * where `maxAge` differs between sessions.
 *
 * Several replicas may watch the same store: the collector recognizes repeated reports.
 *
 * @returns a function that stops watching.
 */
export function watchSessionStore(
  lapse: Pick<LapseServer, 'ended' | 'reportError'>,
  store: SessionStore,
  { everySeconds = 60 }: WatchOptions = {},
): () => void {
  let known: ReadonlyMap<string, KnownSession> = new Map()
  let reported: ReadonlySet<string> = new Set()
  let isReading = false
  const read = async () => {
    if (isReading) return
    isReading = true
    try {
      const listed = await listSessions(store)
      const vanished = [...known.values()].filter(({ session }) => !listed.has(session.session))
      // Some stores also list sessions that have expired.
      const expired = [...vanished, ...listed.values()].filter(({ expiresAt }) => expiresAt <= Date.now())
      for (const { session, lastAccessAt } of expired)
        if (!reported.has(session.session)) lapse.ended({ ...session, lastAccessAt })
      reported = new Set(expired.map(({ session }) => session.session))
      known = listed
    } catch (error) {
      lapse.reportError(error)
    }
    isReading = false
  }
  void read()
  const timer = setInterval(read, everySeconds * 1000).unref()
  return () => clearInterval(timer)
}

async function listSessions(store: SessionStore): Promise<Map<string, KnownSession>> {
  const listed = await new Promise<Readonly<Record<string, StoreSession>> | readonly StoreSession[]>(
    (resolve, reject) => {
      if (store.all) store.all((error, sessions) => (error ? reject(error) : resolve(sessions ?? [])))
      else reject(new Error('This session store cannot list its sessions (it has no method "all").'))
    },
  )
  const sessions = new Map<string, KnownSession>()
  for (const data of Object.values(listed)) {
    const known = readKnownSession(data)
    if (known) sessions.set(known.session.session, known)
  }
  return sessions
}

function readKnownSession({ cookie, lapse }: StoreSession): KnownSession | undefined {
  const session = readStoredSession(lapse)
  const { expires, originalMaxAge } = cookie ?? {}
  if (!session || !expires || !originalMaxAge) return undefined
  const expiresAt = new Date(expires).getTime()
  return { session, expiresAt, lastAccessAt: expiresAt - originalMaxAge }
}
