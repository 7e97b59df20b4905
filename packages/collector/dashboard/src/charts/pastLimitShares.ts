import { type PastLimit, pastLimitSteps } from '../../../src/reading/pastLimit.ts'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'

/** Adds to each bar of the histogram the share of all users who had returned by its end. */
export function addCumulativeShares({ count, histogram }: PastLimit) {
  let returned = 0
  return histogram.map((bar) => {
    returned += bar.count
    return { ...bar, cumulativeShare: returned / count }
  })
}

const longerByMs = 10 * 60_000

/** Says how many timeouts a slightly longer limit would have prevented. */
export function describeLongerLimit(pastLimit: PastLimit): string {
  const share = addCumulativeShares(pastLimit).find(({ toMs }) => toMs === longerByMs)?.cumulativeShare ?? 1
  const subject = `A limit ${formatDuration(longerByMs)} longer would`
  if (pastLimit.count === 1) return `${subject} ${share === 1 ? '' : 'not '}have kept this session alive.`
  return `${subject} have kept ${formatPercent(share)} of these ${formatCount(pastLimit.count)} sessions alive.`
}

/**
 * Formats a quantile without false precision: the collector counts in steps and returns the middle of one, so this
 * formats the beginning of that step.
 */
export function formatQuantile(ms: number): string {
  const seconds = ms / 1000
  const { step } = pastLimitSteps.find(({ until }) => seconds < until) ?? { step: 1 }
  // The first step begins at 0, which would read as no time at all.
  return formatDuration(Math.max(Math.floor(seconds / step) * step, 1) * 1000)
}
