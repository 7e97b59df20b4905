import { quarterHourMs } from '../durations.ts'
import type { NewSessionEnd } from '../sessionEnd.ts'

/** How many sessions of a site ended with one reason and one evidence. */
export interface CountSeries {
  readonly reason: NewSessionEnd['reason']
  readonly evidence: NewSessionEnd['evidence']
  /** The number of session ends in each quarter of an hour. */
  readonly counts: readonly number[]
}

/** The session ends of a site, counted by quarters of an hour. Self-tests are not counted. */
export interface QuarterHourCounts {
  /** The first counted quarter of an hour, as a number of quarters since 1970 (UTC). */
  readonly first: number
  readonly series: readonly CountSeries[]
}

/** Returns the number of the quarter of an hour that contains a time in epoch milliseconds. */
export function toQuarterHour(at: number): number {
  return Math.floor(at / quarterHourMs)
}

/** Lists the quarters of an hour in which sessions ended, in ascending order. */
export function listQuarterHoursWithRows(
  { first, series }: QuarterHourCounts,
  from: number,
  to: number,
): number[] {
  const start = Math.max(from, first)
  const totals: number[] = []
  for (const { counts } of series)
    for (let index = start - first; index < Math.min(to - first, counts.length); index++)
      totals[index + first - start] = (totals[index + first - start] ?? 0) + (counts[index] ?? 0)
  return totals.flatMap((total, index) => (total > 0 ? [start + index] : []))
}

/** Counts the session ends from one quarter of an hour to another, exclusive. */
export function sumCounts(counts: readonly number[], first: number, from: number, to: number): number {
  let sum = 0
  for (let index = Math.max(from - first, 0); index < Math.min(to - first, counts.length); index++)
    sum += counts[index] ?? 0
  return sum
}
