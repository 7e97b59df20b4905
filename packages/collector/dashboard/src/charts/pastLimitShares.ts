import { type PastLimit, pastLimitSteps } from '../../../src/lapse/pastLimit.ts'
import { asCount, asDuration, asPercent } from '../format/dateTime.ts'

/** Each bar of the histogram, and the share of all who were back by its end. */
export function withShares({ count, histogram }: PastLimit) {
  let sum = 0
  return histogram.map((bin) => {
    sum += bin.count
    return { ...bin, share: sum / count }
  })
}

const longerByMs = 10 * 60_000

/** Answers whether the limit is too short. */
export function withLongerLimit(pastLimit: PastLimit): string {
  const share = withShares(pastLimit).find(({ toMs }) => toMs === longerByMs)?.share ?? 1
  const longer = `A limit ${asDuration(longerByMs)} longer would`
  if (pastLimit.count === 1) return `${longer} ${share === 1 ? '' : 'not '}have kept this session alive.`
  return `${longer} have kept ${asPercent(share)} of these ${asCount(pastLimit.count)} sessions alive.`
}

/**
 * A quantile, as exactly as it is known: the collector answers with the middle of a step, which reads as if it were
 * to the second.
 */
export function asPastLimit(ms: number): string {
  const seconds = ms / 1000
  const { step } = pastLimitSteps.find(({ until }) => seconds < until) ?? { step: 1 }
  // Below the first second nothing is nearer than that.
  return asDuration(Math.max(Math.floor(seconds / step) * step, 1) * 1000)
}
