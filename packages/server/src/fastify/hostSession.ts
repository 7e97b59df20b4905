import type { FastifyRequest } from 'fastify'
import { readStoredSession, type StoredSession } from '../session/session.ts'
import type { KnownSession } from '../session/sessionChange.ts'

/** The session of a request, of whichever plugin. */
export interface HostSession {
  /** The signed-in session, as far as the application has come. */
  read(): StoredSession | undefined
  /** Stores the session in the plugin's session data. */
  write(session: StoredSession): void
  /** Removes it. */
  remove(): void
  /** Says what the plugin has saved, once it has. */
  finish(): { readonly after: KnownSession | undefined; readonly isExtended: boolean }
  /** The session that the request came with. */
  readonly before: KnownSession | undefined
}

/** A session of `@fastify/session`. */
interface StoreSession {
  readonly sessionId: string
  readonly cookie: {
    readonly originalMaxAge?: number | null
    readonly expires?: Date | null
    readonly originalExpires?: Date
  }
  isSaved(): boolean
  get(key: 'lapse'): unknown
  set(key: 'lapse', value: StoredSession | undefined): void
}

/** A session of `@fastify/secure-session`. */
interface CookieSession {
  readonly changed: boolean
  readonly deleted: boolean
  get(key: 'lapse' | '__ts'): unknown
  set(key: 'lapse', value: StoredSession | undefined): void
}

/**
 * Finds the session of a request.
 *
 * @param name the property of the request.
 * @returns undefined if there is none: the plugin is not registered, or its cookie has another path.
 */
export function findHostSession(request: FastifyRequest, name: string): HostSession | undefined {
  const read = () => (request as unknown as Readonly<Record<string, unknown>>)[name]
  const session = read()
  if (isStoreSession(session)) return followStoreSession(session, read)
  return isCookieSession(session) ? followCookieSession(session) : undefined
}

function followStoreSession(first: StoreSession, readSession: () => unknown): HostSession {
  // The plugin sets it to null to end the session, and to another session to regenerate it.
  const current = () => {
    const session = readSession()
    return isStoreSession(session) ? session : undefined
  }
  const before = readTimes(first, first.cookie.originalExpires)
  return {
    before,
    read: () => readStoredSession(current()?.get('lapse')),
    write(session) {
      const target = current()
      if (!target)
        throw new Error('signIn: the session of this request was destroyed. Regenerate it instead.')
      target.set('lapse', session)
    },
    remove: () => current()?.set('lapse', undefined),
    finish() {
      const session = current()
      if (!session) return { after: undefined, isExtended: false }
      const isExtended = session.isSaved()
      if (!isExtended && session.sessionId === first.sessionId) return { after: before, isExtended }
      return { after: readTimes(session, session.cookie.expires), isExtended }
    },
  }
}

/** The session was last extended one lifetime before its expiry. */
function readTimes(
  session: StoreSession,
  expires: StoreSession['cookie']['expires'],
): KnownSession | undefined {
  const stored = readStoredSession(session.get('lapse'))
  if (!stored) return undefined
  const { originalMaxAge } = session.cookie
  const expiresAt = expires?.getTime()
  const lastAccessAt = expiresAt && originalMaxAge ? expiresAt - originalMaxAge : undefined
  return { stored, expiresAt, lastAccessAt: lastAccessAt && Math.max(lastAccessAt, stored.startedAt) }
}

function followCookieSession(session: CookieSession): HostSession {
  const read = () => (session.deleted ? undefined : readStoredSession(session.get('lapse')))
  // It has changed already if its key was rotated, which extends nothing.
  const { changed: wasChanged } = session
  const extendedAt = session.get('__ts')
  const toKnown = (lastAccessAt: number | undefined): KnownSession | undefined => {
    const stored = read()
    return stored && { stored, lastAccessAt, expiresAt: undefined }
  }
  const before = toKnown(readLastAccess(extendedAt))
  return {
    before,
    read,
    write(stored) {
      if (session.deleted)
        throw new Error('signIn: the session of this request was deleted. Regenerate it instead.')
      session.set('lapse', stored)
    },
    remove: () => session.set('lapse', undefined),
    finish() {
      if (!session.changed) return { after: before, isExtended: false }
      const isExtended = !session.deleted && !(wasChanged && session.get('__ts') === extendedAt)
      return { after: toKnown(Date.now()), isExtended }
    },
  }
}

/** The plugin rounds to seconds, so the time may be half a second ahead. */
function readLastAccess(extendedAt: unknown): number | undefined {
  return typeof extendedAt === 'number' ? Math.min(extendedAt * 1000, Date.now()) : undefined
}

function isStoreSession(value: unknown): value is StoreSession {
  return typeof value === 'object' && value !== null && 'sessionId' in value && 'isSaved' in value
}

function isCookieSession(value: unknown): value is CookieSession {
  return typeof value === 'object' && value !== null && 'changed' in value && 'deleted' in value
}
