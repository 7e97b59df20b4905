import { hourMs } from '../durations.ts'

const quarterHoursPerHour = 4
const hoursPerWeek = 168
/** With fewer usual hours, the rows are too scattered to show a weekly pattern. */
const minUsualHours = 10

/** The hours of the week in which a site usually has rows. */
export interface UsualHours {
  /** Whether each of the 168 hours is usual, from the hour in which 1970 began (UTC). */
  readonly isUsual: readonly boolean[]
  /** Whether the rows show a weekly pattern. Otherwise all hours count as usual. */
  readonly hasPattern: boolean
}

/**
 * Finds the hours of the week in which a site usually has rows.
 *
 * An hour of the week (UTC) is busy if it had a row at least once. It is usual if it and both of its neighbours are
 * busy. So the first and the last hour of each busy period are not usual, because daylight saving time moves them. If
 * fewer than 10 hours are usual, the rows are scattered, and all 168 hours count.
 *
 * @param quarterHours the quarters of an hour with rows, see `toQuarterHour`.
 */
export function findUsualHours(quarterHours: readonly number[]): UsualHours {
  const busy = new Set(quarterHours.map((quarter) => modulo(Math.floor(quarter / quarterHoursPerHour))))
  const isUsual = Array.from({ length: hoursPerWeek }, (_, hour) =>
    [hour - 1, hour, hour + 1].every((near) => busy.has(modulo(near))),
  )
  const hasPattern = isUsual.filter(Boolean).length >= minUsualHours
  return { isUsual: hasPattern ? isUsual : isUsual.map(() => true), hasPattern }
}

/** Measures how much of the time between two instants (epoch milliseconds) lies in usual hours, in milliseconds. */
export function measureUsualMs({ isUsual }: UsualHours, from: number, to: number): number {
  if (to <= from) return 0
  const weeks = Math.floor((to - from) / (hoursPerWeek * hourMs))
  let usualMs = weeks === 0 ? 0 : weeks * isUsual.filter(Boolean).length * hourMs
  for (let at = from + weeks * hoursPerWeek * hourMs; at < to; ) {
    const hour = Math.floor(at / hourMs)
    const end = Math.min((hour + 1) * hourMs, to)
    if (isUsual[modulo(hour)]) usualMs += end - at
    at = end
  }
  return usualMs
}

function modulo(hour: number): number {
  return ((hour % hoursPerWeek) + hoursPerWeek) % hoursPerWeek
}
