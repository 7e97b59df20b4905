import type { AdapterSession } from '@auth/core/adapters'
import type { EndedSession } from './endReporter.ts'
import { createSessionAlias } from './identity.ts'

/** A row of the table of sessions. Some adapters return more columns, and some fewer. */
export type SessionRow = Pick<AdapterSession, 'sessionToken' | 'expires'> &
  Partial<AdapterSession> & { readonly createdAt?: unknown }

/** A row, as Lapse knows it. */
export interface DatabaseSession extends EndedSession {
  readonly lastAccessAt: number
  readonly expiresAt: number
}

/**
 * Describes a row.
 *
 * @param maxAgeMs how long a session lives after it was extended.
 */
export function describeRow(row: SessionRow, maxAgeMs: number): DatabaseSession {
  const { sessionToken, userId, expires, createdAt } = row
  const expiresAt = expires.valueOf()
  const startedAt = createdAt instanceof Date ? createdAt.valueOf() : undefined
  return {
    subject: userId,
    session: createSessionAlias(sessionToken),
    startedAt,
    // The database may have set `createdAt` a little later.
    lastAccessAt: Math.max(expiresAt - maxAgeMs, startedAt ?? 0),
    expiresAt,
  }
}
