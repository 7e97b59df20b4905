import { maxMarkerAgeSeconds } from '../domain/verdict.ts'

/** Counts the users who have not come back, in place of a step. */
export const notReturnedStep = -1

/** The start of the last, open-ended step: users who return later have no marker any more. */
export const lastStepSeconds = maxMarkerAgeSeconds

/**
 * How precisely to count the time from the idle timeout to the user's return: in steps of `step` seconds, below `until`
 * seconds. A step is at most a 60th of the values in it, so its midpoint is off by less than 1 %.
 *
 * There are fewer than 2,000 steps, because the counts of a day are stored in one cell.
 */
export const pastLimitSteps = [
  { until: 300, step: 1 },
  { until: 900, step: 5 },
  { until: 3_600, step: 15 },
  { until: 14_400, step: 60 },
  { until: 86_400, step: 240 },
  { until: 604_800, step: 1_440 },
  { until: 2_592_000, step: 10_080 },
  { until: 10_368_000, step: 43_200 },
  { until: lastStepSeconds, step: 172_800 },
] as const

/** Counts by the start of their step, in seconds past the limit, and by `notReturnedStep`. */
export type PastLimitCounts = ReadonlyMap<number, number>

export interface PastLimit {
  /** The number of returns. */
  readonly count: number
  /** The number of idle timeouts from the sweep after which nobody has come back. */
  readonly notReturned: number
  /** Null if `count` is 0. Off by at most 1 %, or half a second below five minutes. */
  readonly p50Ms: number | null
  readonly p75Ms: number | null
  readonly p90Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** Exact counts. `toMs` is null for the last bar, which is open-ended. */
  readonly histogram: readonly {
    readonly fromMs: number
    readonly toMs: number | null
    readonly count: number
  }[]
}

/** The start of each bar of the histogram, in seconds. Each is also the start of a step. */
const bars = [0, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800, 604_800, 2_592_000]

/** Computes the quantiles and the histogram of the time from the idle timeout to the user's return. */
export function toPastLimit(counts: PastLimitCounts): PastLimit {
  const steps = [...counts].filter(([step]) => step !== notReturnedStep).sort(([a], [b]) => a - b)
  const count = steps.reduce((sum, [, each]) => sum + each, 0)
  const quantile = (share: number) => computeQuantileMs(steps, Math.ceil(share * count))
  return {
    count,
    notReturned: counts.get(notReturnedStep) ?? 0,
    p50Ms: quantile(0.5),
    p75Ms: quantile(0.75),
    p90Ms: quantile(0.9),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    histogram: bars.map((from, index) => {
      const to = bars[index + 1]
      const within = steps.filter(([seconds]) => seconds >= from && (to === undefined || seconds < to))
      return {
        fromMs: from * 1000,
        toMs: to === undefined ? null : to * 1000,
        count: within.reduce((sum, [, each]) => sum + each, 0),
      }
    }),
  }
}

/** By how many minutes a longer limit is tried. Each is the start of a step, so the counts are exact. */
const extraMinutes = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240] as const

/** How many of those who came back a longer limit would have kept signed in. */
export interface Kept {
  readonly extraMinutes: number
  readonly count: number
}

/** Counts the users whose sessions a longer idle timeout would have kept, for each of `extraMinutes`. */
export function computeKeptBy(counts: PastLimitCounts): Kept[] {
  return extraMinutes.map((minutes) => ({
    extraMinutes: minutes,
    count: countReturnedWithin(counts, minutes * 60),
  }))
}

/**
 * Counts the users who came back within some time after the limit.
 *
 * @param seconds the start of a step, exclusive.
 */
export function countReturnedWithin(counts: PastLimitCounts, seconds: number): number {
  let returned = 0
  for (const [step, count] of counts) if (step !== notReturnedStep && step < seconds) returned += count
  return returned
}

/** Returns the midpoint of the step that contains the value with this rank (nearest-rank method, from 1). */
function computeQuantileMs(
  steps: readonly (readonly [seconds: number, count: number])[],
  rank: number,
): number | null {
  let passed = 0
  for (const [seconds, count] of steps) {
    passed += count
    if (passed >= rank) return seconds * 1000 + computeStepSeconds(seconds) * 500
  }
  return null
}

/** Returns the start of the step that contains a number of seconds past the limit, or `notReturnedStep` itself. */
export function computeStepStart(seconds: number): number {
  if (seconds === notReturnedStep) return notReturnedStep
  const step = computeStepSeconds(seconds)
  return step === 0 ? lastStepSeconds : Math.max(0, Math.floor(seconds / step) * step)
}

/** Returns the length of the step that contains `seconds`, or 0 for the last one, which is open-ended. */
function computeStepSeconds(seconds: number): number {
  return pastLimitSteps.find(({ until }) => seconds < until)?.step ?? 0
}
