/** Whoever comes back later than this is counted here: 400 days, the longest that a browser keeps a marker. */
export const lastStepSeconds = 34_560_000

/**
 * In what steps it is counted how far past the idle timeout people came back: each holds below its `until`. Both are
 * whole seconds. A step is at most a 60th of what it divides, so that the middle of one is off by less than 1 %.
 *
 * There are fewer than 2,000 steps, whatever is reported: the counts of a day are stored in one cell.
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

/** Counts by the beginning of their step, in seconds past the limit. */
export type PastLimitCounts = ReadonlyMap<number, number>

export interface PastLimit {
  /** How many were counted. */
  readonly count: number
  /** Null when none were. Off by 1 % at most; below five minutes, by half a second. */
  readonly p50Ms: number | null
  readonly p75Ms: number | null
  readonly p90Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** Exact counts; `toMs` is null for the last, which has no end. */
  readonly histogram: readonly {
    readonly fromMs: number
    readonly toMs: number | null
    readonly count: number
  }[]
}

/** Where the histogram's bars begin, in seconds: at 0, minutes, hours and days. Each is where a step begins. */
const bars = [0, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800, 604_800, 2_592_000]

/** What the counts say of how far past the limit people came back. */
export function toPastLimit(counts: PastLimitCounts): PastLimit {
  const steps = [...counts].sort(([a], [b]) => a - b)
  const count = steps.reduce((sum, [, each]) => sum + each, 0)
  const quantile = (share: number) => quantileMs(steps, Math.ceil(share * count))
  return {
    count,
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

/** The middle of the step that holds the one of this rank (nearest rank, counted from 1). */
function quantileMs(
  steps: readonly (readonly [seconds: number, count: number])[],
  rank: number,
): number | null {
  let passed = 0
  for (const [seconds, count] of steps) {
    passed += count
    if (passed >= rank) return seconds * 1000 + stepAt(seconds) * 500
  }
  return null
}

/** @returns the beginning of the step that holds so many seconds past the limit. */
export function stepStart(seconds: number): number {
  const step = stepAt(seconds)
  return step === 0 ? lastStepSeconds : Math.max(0, Math.floor(seconds / step) * step)
}

/** @returns the length of a step, or 0 for the last one, which has no end. */
function stepAt(seconds: number): number {
  return pastLimitSteps.find(({ until }) => seconds < until)?.step ?? 0
}
