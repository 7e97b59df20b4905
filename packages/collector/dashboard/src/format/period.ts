import { startOfDay, startOfMonth, type Zone } from '../state/calendar.ts'
import { formatDate, formatDateTime, formatMonth } from './dateTime.ts'

/**
 * Formats a half-open period in the displayed zone: `Oct 2026`, `1 Oct 2026 – 9 Oct 2026`, or with times. `to` is null
 * if the period ends now. Times are epoch milliseconds.
 */
export function formatPeriod(from: number | null, to: number | null, zone: Zone): string {
  const isWholeDays = [from, to].every((at) => at === null || startOfDay(at, zone) === at)
  const format = (at: number) => (isWholeDays ? formatDate : formatDateTime)(new Date(at).toISOString())
  // The end itself is not part of the period.
  const formatEnd = (at: number) => format(isWholeDays ? at - 1 : at)
  if (from === null) return to === null ? 'All time' : `Until ${formatEnd(to)}`
  if (to === null) return `Since ${format(from)}`
  if (startOfMonth(from, zone) === from && startOfMonth(from, zone, 1) === to)
    return formatMonth(new Date(from).toISOString())
  return format(from) === formatEnd(to) ? format(from) : `${format(from)} – ${formatEnd(to)}`
}
