import { dayMs, hourMs, quarterHourMs } from '../durations.ts'
import { findUsualHours, measureUsualMs, type UsualHours } from './usualHours.ts'

/** How much of a site's past is considered: the days before its last row. */
export const historyMs = 28 * dayMs
/** A site is silent after this multiple of its longest gap. */
const gapFactor = 3
const minLimitMs = hourMs
/** A younger site is not judged: each hour of the week must have come once. */
const minHistoryMs = 7 * dayMs
/** What a site needs to be judged if its rows show no weekly pattern. */
const minScatteredHistoryMs = 14 * dayMs
const minScatteredGaps = 5
/** How many gaps may be left out as outages, and how many there must be to tell an outage from a usual gap. */
const maxOutages = 2
const minGapsWithOutages = 20

interface SiteLife {
  /** The quarters of an hour with rows in the 28 days before the last row, in ascending order. */
  readonly quarterHours: readonly number[]
  /** The time of the last row or activity, in epoch milliseconds. */
  readonly lastSignAt: number
  /** Epoch milliseconds. */
  readonly now: number
}

/** A site that has been quiet for longer than usual. */
export interface Silence {
  /** The last row or activity, in epoch milliseconds. */
  readonly since: number
  /** After how much time in the site's usual hours it counts as silent. */
  readonly limitMs: number
}

/**
 * Decides whether a site is silent: it had no row and no activity for longer than three times the longest gap between
 * rows in the 28 days before its last row, and for longer than an hour. All times are counted in the site's usual hours.
 *
 * The history ends at the last row and not now, so a dead site stays silent.
 *
 * @returns undefined for a site that is not silent, or that is too young to be judged.
 */
export function findSilence({ quarterHours, lastSignAt, now }: SiteLife): Silence | undefined {
  const hours = findUsualHours(quarterHours)
  const gaps = measureGaps(quarterHours, hours)
  if (!hasEnoughHistory(quarterHours, gaps, hours)) return undefined
  const limitMs = Math.max(gapFactor * findLongestUsualGap(gaps), minLimitMs)
  return measureUsualMs(hours, lastSignAt, now) > limitMs ? { since: lastSignAt, limitMs } : undefined
}

/** Measures the gaps between rows, in descending order. */
function measureGaps(quarterHours: readonly number[], hours: UsualHours): number[] {
  return quarterHours
    .slice(1)
    .map((quarter, index) =>
      measureUsualMs(hours, (quarterHours[index] ?? quarter) * quarterHourMs, quarter * quarterHourMs),
    )
    .sort((a, b) => b - a)
}

function hasEnoughHistory(
  quarterHours: readonly number[],
  gaps: readonly number[],
  { hasPattern }: UsualHours,
): boolean {
  const spanMs = ((quarterHours.at(-1) ?? 0) - (quarterHours[0] ?? 0)) * quarterHourMs
  if (hasPattern) return spanMs >= minHistoryMs
  return spanMs >= minScatteredHistoryMs && gaps.length >= minScatteredGaps
}

/**
 * Finds the longest gap that is not an outage. At most two gaps are outages: those that are longer than an hour and than
 * three times the next longest gap, so that the site was silent then.
 *
 * @param gaps in descending order.
 */
function findLongestUsualGap(gaps: readonly number[]): number {
  if (gaps.length >= minGapsWithOutages)
    for (let outages = maxOutages; outages > 0; outages--) {
      const longest = gaps[outages] ?? 0
      if ((gaps[outages - 1] ?? 0) > Math.max(gapFactor * longest, minLimitMs)) return longest
    }
  return gaps[0] ?? 0
}
