import { randomUUID } from 'node:crypto'
import { formatId, type Time } from '../values.ts'

/** A signed-in session, as Lapse knows it. */
export interface Session {
  /** An opaque id of the user. Never a name or an email address. */
  readonly subject: string | number
  /** The session alias: a random id that is created at sign-in. Never the session's own id. */
  readonly session: string | number
  /**
   * When the user signed in. Store it with the session, so that every ticket of the session is the same. Default: when
   * this process first signed a ticket for the session.
   */
  readonly startedAt?: Time | undefined
  /** This session's own idle timeout in seconds, if it differs from the option: "remember me". */
  readonly idleTimeoutSeconds?: number | undefined
}

/** A session as JSON, to be stored in the host's session data. */
export interface StoredSession {
  /** The opaque id of the user. */
  readonly subject: string
  /** The session alias. */
  readonly session: string
  /** When the user signed in, in epoch milliseconds. */
  readonly startedAt: number
}

/** Creates the alias of a session that starts now. */
export function createStoredSession(subject: string | number): StoredSession {
  return { subject: formatId(subject, 'subject'), session: randomUUID(), startedAt: Date.now() }
}

/** Reads what `createStoredSession` has returned from the host's session data, which can be anything. */
export function readStoredSession(value: unknown): StoredSession | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { subject, session, startedAt }: Record<string, unknown> = { ...value }
  if (typeof subject !== 'string' || typeof session !== 'string' || typeof startedAt !== 'number')
    return undefined
  return { subject, session, startedAt }
}
