import { randomUUID } from 'node:crypto'
import { formatId, formatTime, type Time } from '../values.ts'

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
  /** This session's own idle timeout in seconds, if it differs from the option: "remember me". */
  readonly idleTimeoutSeconds?: number
}

/** Creates the alias of a session that starts now. */
export function createStoredSession(subject: string | number): StoredSession {
  return { subject: formatId(subject, 'subject'), session: randomUUID(), startedAt: Date.now() }
}

/**
 * Reads a stored session from the host's session data, which can be anything: the host may use the same name for
 * something else. What Lapse cannot have stored is no session.
 */
export function readStoredSession(value: unknown): StoredSession | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { subject, session, startedAt, idleTimeoutSeconds } = value as Partial<
    Record<keyof StoredSession, unknown>
  >
  if (typeof subject !== 'string' || typeof session !== 'string' || typeof startedAt !== 'number')
    return undefined
  if (idleTimeoutSeconds !== undefined && !isIdleTimeout(idleTimeoutSeconds)) return undefined
  try {
    return {
      subject: formatId(subject, 'subject'),
      session: formatId(session, 'session'),
      startedAt: formatTime(startedAt, 'startedAt'),
      ...(idleTimeoutSeconds !== undefined && { idleTimeoutSeconds }),
    }
  } catch {
    return undefined
  }
}

/** What the collector accepts: 400 days. It refuses a report whose ticket has more. */
export const maxIdleTimeoutSeconds = 34_560_000

/** Whether a value can be the idle timeout of a session, in seconds. */
export function isIdleTimeout(seconds: unknown): seconds is number {
  return Number.isInteger(seconds) && Number(seconds) > 0 && Number(seconds) <= maxIdleTimeoutSeconds
}

/**
 * Limits a time, which may be that of another replica whose clock is ahead. Otherwise, the session would have been used
 * after its end, and the collector would ignore the end.
 */
export function limitToNow(epochMs: number): number {
  return Math.min(epochMs, Date.now())
}
