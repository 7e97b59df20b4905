/**
 * Why a session ended, as decided by the collector.
 *
 * - `idle_timeout`: the session was unused for at least its idle timeout
 * - `absolute_timeout`: the session reached its maximum age
 * - `logout`: the user signed out
 * - `revoked`: the server ended the session, for example after a password change
 * - `displaced`: the server ended the session because the user signed in elsewhere
 * - `browser_closed`: the browser was closed before a limit was reached
 * - `ended_early`: the session was gone before a limit was reached, for example after a restart of the server
 * - `clock_anomaly`: the times in the report contradict each other
 */
export type Reason =
  | 'idle_timeout'
  | 'absolute_timeout'
  | 'logout'
  | 'revoked'
  | 'displaced'
  | 'browser_closed'
  | 'ended_early'
  | 'clock_anomaly'

/** The collector's answer to the report of one ended session. */
export interface Verdict {
  /** The id of the row in the audit table, or `null` if the collector did not record a logout. */
  readonly id: number | null
  /** Why the session ended. */
  readonly reason: Reason
  /** The time from the last access to the moment when the end was detected, in milliseconds. */
  readonly elapsedMs: number
  /** The idle timeout that was applied, in seconds, or `null` if none is known. */
  readonly idleTimeoutSeconds: number | null
  /** Whether the session's end had already been recorded. */
  readonly duplicate: boolean
  /** `false` if the collector did not record a logout. */
  readonly recorded?: false
  /** Never present. It distinguishes a verdict from a pending report. */
  readonly pending?: never
}

/** The session has ended, but the collector has not confirmed the report yet. The client keeps it and sends it later. */
export interface Pending {
  /** Always `true`. */
  readonly pending: true
}

/** What `absent` resolves to: a verdict, a pending report, or `null` if no session ended. */
export type Outcome = Verdict | Pending | null
