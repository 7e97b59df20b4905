import { dayMs, hourMs, quarterHourMs } from '../durations.ts'
import { type CountSeries, type QuarterHourCounts, sumCounts, toQuarterHour } from './quarterHourCounts.ts'

/** A share is unusual above this multiple of the usual share. */
const shareFactor = 3
/** How many rows must have the reason or the evidence. Fewer are chance. */
const minUnusualRows = 20
/** A younger site has no usual share. */
const minHistoryMs = 7 * dayMs
/** How many rows the usual share must be computed from. */
const minHistoryRows = 100
const historyQuarterHours = (28 * dayMs) / quarterHourMs

const windows = { hour: hourMs / quarterHourMs, day: dayMs / quarterHourMs } as const
const dimensions = ['reason', 'evidence'] as const

/** A reason or evidence that is much more frequent than usual. */
export interface UnusualShare {
  readonly dimension: (typeof dimensions)[number]
  readonly value: CountSeries['reason'] | CountSeries['evidence']
  readonly window: keyof typeof windows
  /** The start of the window, in epoch milliseconds. */
  readonly since: number
  /** The rows with this reason or evidence in the window. */
  readonly count: number
  /** All rows in the window. */
  readonly total: number
  /** From 0 to 1. */
  readonly share: number
  /** The share in the 28 days before the window, from 0 to 1. */
  readonly usualShare: number
}

/**
 * Finds each reason and evidence whose share of the rows of the last hour or day is more than three times its share of
 * the 28 days before, with at least 20 rows of its own.
 *
 * A window consists of the current quarter of an hour and the complete ones before it, so the last hour has 60 to 75
 * minutes. A value that is unusual in both windows is found once, in the shorter one.
 *
 * @param now epoch milliseconds
 */
export function findUnusualShares(history: QuarterHourCounts, now: number): UnusualShare[] {
  const to = toQuarterHour(now) + 1
  const all = Object.keys(windows).flatMap((name) => {
    // These are the keys of the table above.
    const window = name as keyof typeof windows
    return findInWindow(history, window, to - 1 - windows[window], to)
  })
  const byValue = Map.groupBy(all, ({ dimension, value }) => `${dimension} ${value}`)
  return Array.from(byValue.values(), ([first]) => first).filter((found) => found !== undefined)
}

function findInWindow(
  { first, series }: QuarterHourCounts,
  window: keyof typeof windows,
  from: number,
  to: number,
): UnusualShare[] {
  const count = (parts: readonly CountSeries[], start: number, end: number) =>
    parts.reduce((sum, { counts }) => sum + sumCounts(counts, first, start, end), 0)
  const total = count(series, from, to)
  const usualFrom = from - historyQuarterHours
  const usualTotal = count(series, usualFrom, from)
  if (total < minUnusualRows || usualTotal < minHistoryRows) return []
  if (!series.some(({ counts }) => hasRowsBefore(counts, first, from - minHistoryMs / quarterHourMs)))
    return []
  return dimensions.flatMap((dimension) =>
    [...Map.groupBy(series, (each) => each[dimension])].flatMap(([value, parts]) => {
      const found = count(parts, from, to)
      const share = found / total
      const usualShare = count(parts, usualFrom, from) / usualTotal
      if (found < minUnusualRows || share <= shareFactor * usualShare) return []
      const since = from * quarterHourMs
      return [{ dimension, value, window, since, count: found, total, share, usualShare }]
    }),
  )
}

function hasRowsBefore(counts: readonly number[], first: number, before: number): boolean {
  return counts.some((count, index) => count > 0 && first + index < before)
}
