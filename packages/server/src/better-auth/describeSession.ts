import { createHash } from 'node:crypto'
import { maxIdleTimeoutSeconds } from '../session/session.ts'
import type { SessionRow } from './sessionRow.ts'

/** What better-auth's options say about the lifetime of sessions. */
export interface LifetimeRules {
  readonly expiresInSeconds: number
  /** Whether using a session extends it at all. */
  readonly isExtended: boolean
}

/** A session as Lapse reports it. Times are epoch milliseconds. */
export interface DescribedSession {
  readonly subject: string
  readonly session: string
  readonly startedAt: number
  readonly idleTimeoutSeconds: number
  /** When better-auth last extended the session. */
  readonly lastAccessAt: number
  /** Whether the session ends at a fixed time, no matter how it is used. */
  readonly isFixed: boolean
}

/** better-auth's lifetime of a session without "remember me". It never extends such a session. */
const shortLifetimeMs = 86_400_000
/** Databases round times, some of them to whole seconds. */
const roundingMs = 2000

/** Describes a session by its row, whose expiry tells when better-auth last extended it. */
export function describeSession(row: SessionRow, rules: LifetimeRules): DescribedSession {
  const { createdAt, expiresAt, impersonatedBy, userId } = row
  const lifetimeMs = expiresAt - createdAt
  const isFixed = isFixedLifetime(row, rules)
  return {
    // Whoever impersonates a user sits in front of the browser. The user does not.
    subject: impersonatedBy ?? userId,
    session: getAlias(row),
    startedAt: createdAt,
    // Twice the lifetime, so that nobody takes the end of a fixed lifetime for an idle timeout.
    idleTimeoutSeconds: toSeconds(isFixed ? 2 * lifetimeMs : rules.expiresInSeconds * 1000),
    lastAccessAt: isFixed
      ? createdAt
      : Math.min(Date.now(), Math.max(createdAt, expiresAt - rules.expiresInSeconds * 1000)),
    isFixed,
  }
}

/**
 * The session alias: the id of the row, which is no credential. A serial number would be guessable, and some databases
 * use it again, so that the alias is a digest of the token then.
 */
export function getAlias({ id, token }: Pick<SessionRow, 'id' | 'token'>): string {
  return /^\d+$/.test(id) ? createHash('sha256').update(token).digest('base64url') : id
}

function toSeconds(ms: number): number {
  return Math.min(maxIdleTimeoutSeconds, Math.max(1, Math.round(ms / 1000)))
}

function isFixedLifetime(
  { createdAt, expiresAt, impersonatedBy }: SessionRow,
  { expiresInSeconds, isExtended }: LifetimeRules,
): boolean {
  if (!isExtended || impersonatedBy !== undefined) return true
  const lifetimeMs = expiresAt - createdAt
  const isShort =
    Math.abs(lifetimeMs - shortLifetimeMs) < roundingMs && expiresInSeconds * 1000 !== shortLifetimeMs
  return isShort || lifetimeMs < expiresInSeconds * 1000 - roundingMs
}
