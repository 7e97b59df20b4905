import type { AuthContext } from 'better-auth'
import type { LapseServer } from '../lapseServer.ts'
import { signOptionalTicket } from '../session/signOptionalTicket.ts'
import type { SessionReporter } from './sessionReporter.ts'

/** What `get-session` answers in the field `lapse`: what `@lapse/client` and `lapse.tag` need. */
export interface LapseSession {
  /** The id of the user. */
  readonly subject: string
  /** The session alias. */
  readonly session: string
  /** When the user signed in, in epoch milliseconds. */
  readonly startedAt: number
  /** How long the session may sit idle; twice its lifetime if better-auth never extends it. */
  readonly idleTimeoutSeconds: number
  /**
   * When better-auth last extended the session, in epoch milliseconds of the server. Undefined if better-auth never
   * extends it.
   */
  readonly lastAccessAt?: number | undefined
  /** The ticket. Undefined without `ticketSecret` and `ticketKey`. */
  readonly ticket?: string | undefined
}

/**
 * Reads the field `lapse` from what `auth.api.getSession` returns.
 *
 * @returns `null` if there is no session, or if an administrator impersonates the user.
 *
 * @example
 * ```ts
 * const session = await auth.api.getSession({ headers })
 * const html = lapse.tag(getLapseSession(session))
 * ```
 */
export function getLapseSession(session: unknown): LapseSession | null {
  if (typeof session !== 'object' || session === null || !('lapse' in session)) return null
  // Only this plugin sets the field.
  return (session.lapse ?? null) as LapseSession | null
}

/** Adds the field `lapse` to the answer of `get-session`, or returns undefined to leave the answer as it is. */
export function addLapseSession(
  { returned, session: known }: AuthContext & { readonly returned?: unknown },
  lapse: LapseServer,
  reporter: SessionReporter,
): object | undefined {
  if (!isRecord(returned) || returned instanceof Error) return undefined
  // Other plugins may have replaced the answer.
  const session = isSession(returned.session) ? returned.session : known?.session
  // The browser keeps watching the administrator's own session.
  if (!isRecord(session) || session.impersonatedBy) return undefined
  return { ...returned, lapse: createLapseSession(lapse, reporter, session) }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSession(value: unknown): boolean {
  return isRecord(value) && 'token' in value && 'expiresAt' in value
}

function createLapseSession(lapse: LapseServer, reporter: SessionReporter, session: unknown): LapseSession {
  const { isFixed, lastAccessAt, ...described } = reporter.describe(session)
  return { ...described, ...(isFixed ? {} : { lastAccessAt }), ticket: signOptionalTicket(lapse, described) }
}
