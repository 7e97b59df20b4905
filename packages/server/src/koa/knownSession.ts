import type { ActivityInput } from '../reports.ts'
import { readStoredSession } from '../session/session.ts'
import type { KnownSession } from '../session/sessionChange.ts'
import { defaultMaxAgeMs } from './sessionOptions.ts'

/** A session of koa-session. `lastAccessAt` is unknown for sessions that end with the browser. */
export interface KoaKnownSession extends KnownSession {
  readonly maxAgeMs: number | undefined
}

/** Reads the data that koa-session keeps in the cookie or in the store. */
export function readSessionData(data: unknown): KoaKnownSession | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { lapse, _expire: expiresAt, _maxAge: maxAgeMs }: Record<string, unknown> = { ...data }
  const stored = readStoredSession(lapse)
  if (!stored) return undefined
  if (typeof expiresAt !== 'number' || typeof maxAgeMs !== 'number')
    return { stored, lastAccessAt: undefined, expiresAt: undefined, maxAgeMs: undefined }
  return { stored, lastAccessAt: expiresAt - maxAgeMs, expiresAt, maxAgeMs }
}

/** Reads the session that koa-session is about to save. */
export function readSavedSession(session: {
  readonly lapse?: unknown
  readonly maxAge?: unknown
}): KoaKnownSession | undefined {
  const { lapse, maxAge = defaultMaxAgeMs } = session
  const now = Date.now()
  return readSessionData(
    typeof maxAge === 'number' ? { lapse, _expire: now + maxAge, _maxAge: maxAge } : { lapse },
  )
}

/** Only a session with another `maxAge` than the others ("remember me") has its own limit. */
export function findOwnTimeout(
  { maxAgeMs }: Pick<KoaKnownSession, 'maxAgeMs'>,
  defaultMaxAge: number | 'session' | undefined = defaultMaxAgeMs,
): Pick<ActivityInput, 'idleTimeoutSeconds'> {
  if (maxAgeMs === undefined || maxAgeMs === defaultMaxAge) return {}
  return { idleTimeoutSeconds: Math.max(1, Math.round(maxAgeMs / 1000)) }
}
