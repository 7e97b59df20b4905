import type { Limits } from '../../domain/limits.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'

/** What a self-test needs. */
export interface SelftestInput {
  readonly url: string
  readonly site: string
  readonly origin: string
  readonly limits: Limits
  readonly session: string
  readonly times: SelftestTimes
  readonly ticket: string | undefined
  /** Reads the row from where it is stored. */
  readonly readRow: (id: number) => Promise<SessionEnd | undefined>
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

/** What was done and observed. Times are in UTC. */
export interface Selftest {
  readonly verdict: 'pass' | 'fail'
  readonly at: string
  readonly collector: { readonly url: string; readonly version: string | null }
  readonly site: string
  readonly origin: string
  readonly limits: SelftestInput['limits']
  /** The report that was sent. Its name is part of the JSON output. */
  readonly event: Readonly<Record<string, unknown>>
  /** The responses to the report and to its repetition. The name is part of the JSON output. */
  readonly answers: readonly SelftestResponse[]
  readonly row: SessionEnd | null
  readonly checks: readonly Check[]
}
