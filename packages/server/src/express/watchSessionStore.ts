import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import { readStoredSession, type StoredSession } from '../session/session.ts'
import type { SessionStore, StoreSession } from './sessionStore.ts'

/** The options of `watchSessionStore`. */
export interface WatchOptions {
  /**
   * How often the store is read, in seconds, at most a day.
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

const maxEverySeconds = 86_400

/**
 * Watches a store that can list its sessions (`all`), such as the memory store, and reports those that have expired
 * with the times of the store. Activity reports already make the collector record timeouts; this is exact to the second
 * where `maxAge` differs between sessions.
 *
 * A session has expired when the store no longer lists it and its time is up. A session that is still listed has not
 * expired, whatever its cookie says: `touch` in connect-redis extends a session without changing the stored cookie
 * (https://github.com/tj/connect-redis/issues/259).
 *
 * Several replicas may watch the same store: the collector recognizes repeated reports.
 *
 * @returns a function that stops watching. Call it before `lapse.close`.
 * @throws {LapseServerError} `invalid_option`
 */
export function watchSessionStore(
  lapse: Pick<LapseServer, 'ended' | 'reportError'>,
  store: SessionStore,
  { everySeconds = 60 }: WatchOptions = {},
): () => void {
  if (!(everySeconds > 0 && everySeconds <= maxEverySeconds)) throw createIntervalError(everySeconds)
  let known: ReadonlyMap<string, KnownSession> = new Map()
  let isReading = false
  const read = async () => {
    if (isReading) return
    isReading = true
    try {
      const listed = await listSessions(store)
      for (const [alias, { session, lastAccessAt, expiresAt }] of known)
        if (!listed.has(alias) && expiresAt <= Date.now()) lapse.ended({ ...session, lastAccessAt })
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

function createIntervalError(everySeconds: unknown): LapseServerError {
  const message = `watchSessionStore: everySeconds is ${everySeconds}. Set it to a number of seconds above 0 and up to ${maxEverySeconds}.`
  return new LapseServerError('invalid_option', message)
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

function readKnownSession(data: StoreSession | null | undefined): KnownSession | undefined {
  const session = readStoredSession(data?.lapse)
  const { expires, originalMaxAge } = data?.cookie ?? {}
  if (!session || !expires || !originalMaxAge) return undefined
  const expiresAt = new Date(expires).getTime()
  return { session, expiresAt, lastAccessAt: expiresAt - originalMaxAge }
}
