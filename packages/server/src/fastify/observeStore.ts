import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { endInStore } from '../session/endInStore.ts'
import { readStoredSession } from '../session/session.ts'
import { reportEnd } from '../session/sessionChange.ts'

/** Session data, whose type is the application's. */
// biome-ignore lint/suspicious/noExplicitAny: so that the application need not repeat it
type Unchecked = any

/** A store of `@fastify/session`, or of express-session. */
export interface FastifySessionStore {
  /** Reads the data of a session. */
  get(sessionId: string, callback: (error: unknown, session?: Unchecked) => void): void
  /** Stores the data of a session. */
  set(sessionId: string, session: Unchecked, callback: (error?: unknown) => void): void
  /** Deletes a session. */
  destroy(sessionId: string, callback: (error?: unknown) => void): void
}

/** The session data that stores keep, as far as Lapse uses it. */
interface StoredData {
  readonly cookie?: { readonly expires?: unknown; readonly originalMaxAge?: unknown }
  readonly lapse?: unknown
}

/**
 * Wraps a store, to report the sessions that `@fastify/session` finds expired in it: the plugin destroys them without a
 * hook. Every call reaches the store as it is, and every result and error comes back as it is.
 *
 * @example
 * ```ts
 * await app.register(fastifySession, { secret, store: observeStore(lapse, store) })
 * ```
 */
export function observeStore<Store extends FastifySessionStore>(
  lapse: Pick<LapseServer, 'ended' | 'reportError'>,
  store: Store,
): Store & FastifySessionStore {
  const get: FastifySessionStore['get'] = (sessionId, callback) =>
    store.get(sessionId, (error, data) => {
      reportIfExpired(lapse, data)
      callback(error, data)
    })
  return new Proxy(store, {
    get(_, name) {
      if (name === 'get') return get
      const value: unknown = Reflect.get(store, name)
      // A class of stores may have private fields, which only the store itself can read.
      return typeof value === 'function' ? value.bind(store) : value
    },
  })
}

/**
 * Ends a session of a store: reports it, then destroys it. A session that is not in the store is not reported.
 *
 * @param sessionId the session's own id.
 * @throws what the store reports.
 */
export async function endSession(
  lapse: Pick<LapseServer, 'ended' | 'reportError'>,
  store: FastifySessionStore,
  sessionId: string,
  reason: 'revoked' | 'displaced',
): Promise<void> {
  await endInStore(store, sessionId, (data) =>
    attempt(lapse, () => {
      const session = readStoredData(data)
      if (session) reportEnd(lapse, session, reason)
    }),
  )
}

function reportIfExpired(lapse: Pick<LapseServer, 'ended' | 'reportError'>, data: unknown): void {
  attempt(lapse, () => {
    const session = readStoredData(data)
    if (session?.expiresAt && session.expiresAt <= Date.now()) reportEnd(lapse, session)
  })
}

function readStoredData(data: unknown) {
  const { cookie = {}, lapse }: StoredData = typeof data === 'object' && data !== null ? data : {}
  const stored = readStoredSession(lapse)
  if (!stored) return undefined
  const { expires, originalMaxAge } = cookie
  // A date in memory, text where a store keeps JSON.
  const hasExpiry = expires instanceof Date || typeof expires === 'string'
  const expiresAt = hasExpiry ? new Date(expires).getTime() : undefined
  const lastAccessAt =
    expiresAt && typeof originalMaxAge === 'number' ? expiresAt - originalMaxAge : undefined
  return { stored, expiresAt, lastAccessAt }
}
