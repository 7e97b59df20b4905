import { createHash } from 'node:crypto'
import type { Session as AuthSession } from '@auth/core/types'
import type { LapseServer } from '../lapseServer.ts'
import type { StoredSession } from '../session/session.ts'
import { signOptionalTicket } from '../session/signOptionalTicket.ts'

/** A session as Lapse knows it. `withLapse` adds it to Auth.js's session, as `session.lapse`. */
export interface LapseIdentity {
  /** The opaque id of the user. */
  readonly subject: string
  /** The session alias. */
  readonly session: string
  /** When the user signed in, in epoch milliseconds, if it is known. */
  readonly startedAt?: number | undefined
  /** When the session was last extended, in epoch milliseconds. */
  readonly lastAccessAt: number
  /** The signed ticket, if `createLapseServer` was given a secret or a key. */
  readonly ticket?: string | undefined
}

/** What Auth.js's token has under the key `lapse`, with the strategy `jwt`. */
export interface TokenSession extends StoredSession {
  /** When the token was issued, in epoch milliseconds. */
  readonly lastAccessAt: number
}

declare module '@auth/core/jwt' {
  interface JWT {
    /** Set before the application's `jwt` callback is called. What the callback changes here has no effect. */
    lapse?: TokenSession | undefined
  }
}

declare module '@auth/core/types' {
  interface Session {
    /** Pass it to `lapse.tag` on the server, or to `active` of `@lapse/client` in the browser. */
    lapse?: LapseIdentity
  }
}

/**
 * Derives the alias of a session in a database from its token: the same for the session's whole life, and on all
 * replicas. It is a one-way hash, because the token itself is the credential.
 *
 * @param sessionToken the value of the session's cookie, and of the column `sessionToken`.
 *
 * @returns 43 characters, in base64url.
 *
 * @example
 * ```ts
 * lapse.ended({ session: createSessionAlias(row.sessionToken), subject: row.userId, reason: 'revoked' })
 * ```
 */
export function createSessionAlias(sessionToken: string): string {
  // The prefix keeps the alias apart from a plain hash of the token, which an application might use to find sessions.
  return createHash('sha256').update(`lapse session alias:${sessionToken}`).digest('base64url')
}

/** Adds Lapse's session, with a ticket, to the session that Auth.js answers with. */
export function addIdentity(lapse: LapseServer, answer: AuthSession, known: LapseIdentity): AuthSession {
  const { subject, session, startedAt, lastAccessAt } = known
  const identity = { subject, session, startedAt, lastAccessAt, ticket: signOptionalTicket(lapse, known) }
  return { ...answer, lapse: identity }
}
