import { formatDuration } from './numbers.ts'

const secondMs = 1000
const minuteMs = 60_000
/** Seconds are shown only shortly before the end: numbers that change all the time distract. */
const secondsBelowMs = 2 * minuteMs

/** Says in how much time a session expires, or how long ago it did. Times are epoch milliseconds. */
export function formatCountdown(expiresAt: number, now: number): string {
  const remainingMs = expiresAt - now
  const unitMs = Math.abs(remainingMs) < secondsBelowMs ? secondMs : minuteMs
  const roundedMs = Math.floor(Math.abs(remainingMs) / unitMs) * unitMs
  if (roundedMs === 0) return 'now'
  return remainingMs > 0 ? `in ${formatDuration(roundedMs)}` : `expired ${formatDuration(roundedMs)} ago`
}
