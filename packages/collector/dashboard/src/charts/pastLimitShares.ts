import { type PastLimit, pastLimitSteps } from '../../../src/reading/pastLimit.ts'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'

/** Counts the idle timeouts: those after which users came back, and those after which nobody has. */
const countTimeouts = ({ count, notReturned }: PastLimit) => count + notReturned

/** Adds to each bar of the histogram the share of all timeouts after which users were back by its end. */
export function addCumulativeShares(pastLimit: PastLimit) {
  let returned = 0
  return pastLimit.histogram.map((bar) => {
    returned += bar.count
    return { ...bar, cumulativeShare: returned / countTimeouts(pastLimit) }
  })
}

/** Says after how many timeouts nobody has come back, or null if there are none or this is not known of any. */
export function describeNotReturned(pastLimit: PastLimit): string | null {
  const { notReturned } = pastLimit
  const sessions = countTimeouts(pastLimit)
  if (notReturned === 0) return null
  if (sessions === 1) return 'Nobody has come back after this timeout.'
  const share = formatPercent(notReturned / sessions)
  return `Nobody has come back after ${formatCount(notReturned)} of ${formatCount(sessions)} timeouts (${share}).`
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
