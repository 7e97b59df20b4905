import type { Limits } from '../../domain/limits.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { SelftestReader } from './openSelftestReader.ts'

/** Where a self-test reports, and where it reads what was stored. */
export interface SelftestTarget {
  readonly url: string
  readonly site: string
  readonly origin: string
  readonly reader: SelftestReader
}

/** What a self-test needs. */
export interface SelftestInput extends SelftestTarget {
  readonly limits: Limits
  /** How much longer than the grace period the sweep waits. */
  readonly heartbeatSeconds: number
  /** How often the collector sweeps. */
  readonly sweepSeconds: number
  readonly sessions: SelftestSessions
  /** Says what the self-test waits for. */
  readonly onProgress: (message: string) => void
}

/** The simulated sessions. */
interface SelftestSessions {
  /** Its user returns after the timeout, and only that is reported. Undefined if the ticket is for one session. */
  readonly returning: SelftestSession | undefined
  /** Its use is reported. Its user does not return before the sweep has recorded the timeout. */
  readonly abandoned: SelftestSession
}

export interface SelftestSession {
  readonly session: string
  readonly marker: string
  readonly ticket: string | undefined
  readonly times: SelftestTimes
}

/** Epoch milliseconds. */
export interface SelftestTimes {
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly detectedAt: number
}

export interface Check {
  readonly what: string
  readonly passed: boolean
  /** Why the check failed, and what to do. */
  readonly fault?: string
}

export interface SelftestResponse {
  readonly status: number
  readonly body: unknown
}

/** A report without its ticket: anyone who has the ticket can report with it. */
type SentReport = Readonly<Record<string, unknown>>

/** What happened with a session whose user returned after the timeout. */
export interface ReturnResult {
  /** The report that was sent twice. */
  readonly event: SentReport
  readonly answers: readonly SelftestResponse[]
  readonly row: ListedSessionEnd | null
}

/** What happened with a session whose user did not return before the sweep had recorded the timeout. */
export interface AbandonedResult {
  readonly activity: SentReport
  /** The report of the return. Null if the timeout was not recorded. */
  readonly event: SentReport | null
  readonly answers: readonly SelftestResponse[]
  /** The row as the sweep wrote it. */
  readonly row: ListedSessionEnd | null
  /** When the user returned, according to the row. */
  readonly returnedAt: Date | null
}

/** What was done and observed. Times are in UTC. The names are those of the JSON output. */
export interface Selftest extends Omit<ReturnResult, 'event'> {
  readonly verdict: 'pass' | 'fail'
  readonly at: string
  readonly collector: { readonly url: string; readonly version: string | null }
  readonly site: string
  readonly origin: string
  readonly limits: Limits
  /** Null if the session of the ticket was used for the live session. */
  readonly event: SentReport | null
  /** Null if an earlier check failed. */
  readonly live: AbandonedResult | null
  readonly checks: readonly Check[]
}
