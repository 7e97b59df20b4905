import { computeKeptBy, type PastLimitCounts, toPastLimit } from './pastLimit.ts'
import type { Period, SummaryQuery } from './summaryQuery.ts'
import {
  countedFlags,
  type FlagCounts,
  type PeriodCounts,
  type SummaryCounts,
  type SummaryGroup,
} from './summaryRepository.ts'
import { sumReasons, type Tally } from './tally.ts'

/** The answer to a summary query. What is null was not requested, or could not be counted within its time limit. */
export type Summary = ReturnType<typeof createSummary>

/**
 * Creates the answer to a summary query.
 *
 * @param findIdleTimeout returns the configured idle timeout of a site, in seconds.
 */
export function createSummary(
  { bucket, timeZone, period, previous }: SummaryQuery,
  counts: SummaryCounts,
  findIdleTimeout: (site: string) => number | null,
) {
  const { current, groups, flags } = counts
  return {
    bucket,
    timeZone,
    from: period.from,
    to: period.to,
    buckets: listBuckets(current.tally),
    totals: createTotals(current),
    pastLimit: toPastLimit(current.tally.pastLimit),
    sites: current.siteTally && listSites(current.siteTally, findIdleTimeout),
    ...(previous && counts.previous && { previous: createPrevious(previous, counts.previous) }),
    ...(groups !== undefined && {
      groups,
      otherCount: groups && countOthers(groups, current.tally),
    }),
    ...(flags !== undefined && { flags: flags && pickFlags(flags) }),
  }
}

function createPrevious({ from, to }: Period, counts: PeriodCounts) {
  return { from, to, buckets: listBuckets(counts.tally), totals: createTotals(counts) }
}

const createTotals = ({ tally, needReview }: PeriodCounts) => ({ ...tally.totals, needReview })

function pickFlags(flags: FlagCounts) {
  return Object.fromEntries(countedFlags.map((flag) => [flag, flags[flag]]))
}

function countOthers(groups: readonly SummaryGroup[], { totals }: Tally): number {
  return groups.reduce((rest, { count }) => rest - count, totals.ended)
}

function listBuckets({ buckets }: Tally) {
  return buckets.map(({ start, counts }) => ({ start: new Date(start), counts }))
}

function listSites({ sites }: Tally, findIdleTimeout: (site: string) => number | null) {
  return sites
    .map(({ site, counts, pastLimit }) => ({
      site,
      ended: sumReasons(counts),
      idleTimeouts: counts.idle_timeout ?? 0,
      idleTimeoutSeconds: findIdleTimeout(site),
      ...describeReturns(pastLimit),
    }))
    .sort((a, b) => b.ended - a.ended || (a.site < b.site ? -1 : 1))
}

const describeReturns = (pastLimit: PastLimitCounts) => ({
  pastLimit: toPastLimit(pastLimit),
  keptBy: computeKeptBy(pastLimit),
})
