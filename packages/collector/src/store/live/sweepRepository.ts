import type { NewSessionEnd } from '../../domain/sessionEnd.ts'

/** The session that a sweep has looked at last. Sessions are in the order in which their time runs out. */
export interface SweepPosition {
  readonly dueAt: Date
  readonly site: string
  readonly sessionKey: string
}

export interface SweepRequest {
  /** The id of this process in its marks. */
  readonly collectorId: string
  /** Where to continue. At the session whose time ran out first, if undefined. */
  readonly after: SweepPosition | undefined
}

/** What one transaction of the sweep did. */
export interface SweptChunk {
  /** The timeouts that were recorded. */
  readonly rows: readonly NewSessionEnd[]
  /** How many sessions were removed without a row, because they had ended before. */
  readonly removed: number
  /** Why the database refused rows. Their sessions stay live. */
  readonly refusals: readonly unknown[]
  /** Where to continue. Undefined if there is nothing left to do. */
  readonly next: SweepPosition | undefined
}

/** Records the timeouts of live sessions whose time has run out. */
export interface SweepRepository {
  /** How many chunks may be in work at the same time. */
  readonly concurrency: number
  /**
   * Records the timeouts of the next sessions, and removes the sessions, in one transaction. Several collectors can do
   * this at the same time: each takes sessions that no other one has taken.
   *
   * It does nothing unless this collector has marked itself within the last three seconds. Only then has it noticed
   * whether reports may be missing.
   */
  sweepChunk(request: SweepRequest): Promise<SweptChunk>
  /** Counts the live sessions of each site that has any. */
  countBySite(): Promise<ReadonlyMap<string, number>>
  /** Deletes remembered logouts that were received before `before`. */
  forgetLogouts(before: Date): Promise<void>
  close(): Promise<void>
}

export const emptyChunk: SweptChunk = { rows: [], removed: 0, refusals: [], next: undefined }
