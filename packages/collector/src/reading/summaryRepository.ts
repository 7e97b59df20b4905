import type { SessionEndFilter } from './filter.ts'
import type { Flag } from './search/flags.ts'
import type { Grouping, Period } from './summaryQuery.ts'
import type { GroupCounts, Tally } from './tally.ts'

/** What to count. Self-tests are never counted. */
export interface SummaryRequest {
  /** Selects rows, in any period. */
  readonly filter: SessionEndFilter
  readonly period: Period
  readonly previous: Period | undefined
  readonly groupBy: Grouping | undefined
  readonly top: number
  readonly hasFlags: boolean
  readonly hasReview: boolean
}

/** The counts of one period. What is null was not requested, or could not be counted within its time limit. */
export interface PeriodCounts {
  /** All sites together. Its sites are incomplete. */
  readonly tally: Tally
  /** Each site for itself, without buckets. */
  readonly siteTally: Tally | null
  /** The number of rows that `flag:review` finds. */
  readonly needReview: number | null
}

export interface SummaryGroup extends GroupCounts {
  readonly count: number
  /** In the period to compare with, if there is one. */
  readonly previousCount?: number
}

export interface SummaryCounts {
  readonly current: PeriodCounts
  readonly previous: PeriodCounts | undefined
  /** Biggest first. Undefined if they were not requested. */
  readonly groups: readonly SummaryGroup[] | null | undefined
  /** Undefined if they were not requested. */
  readonly flags: FlagCounts | null | undefined
}

/** The flags that a summary counts. */
export const countedFlags = [
  'clock_anomaly',
  'skew',
  'late',
  'conflict',
  'correction',
  'burst',
  'self_reported',
] as const satisfies readonly Flag[]

export type FlagCounts = Readonly<Record<(typeof countedFlags)[number], number>>

export interface SummaryRepository {
  /**
   * Counts the matching rows, all in one snapshot of the database.
   *
   * @throws {StorageError} when the database cannot be used.
   */
  summarize(request: SummaryRequest): Promise<SummaryCounts>
}
