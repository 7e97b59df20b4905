import { dayMs, hourMs, minuteMs } from '../../domain/durations.ts'

const units = [
  ['d', dayMs],
  ['h', hourMs],
  ['m', minuteMs],
  ['s', 1000],
] as const

/** Formats a duration with its two largest units, as the options of the command line accept it: `1h30m`. */
export function formatDuration(durationMs: number): string {
  const largest = units.findIndex(([, ms]) => durationMs >= ms)
  if (largest === -1) return '0s'
  const [, smallestMs] = units[Math.min(largest + 1, units.length - 1)] ?? units[3]
  let rest = Math.floor(durationMs / smallestMs) * smallestMs
  return units
    .slice(largest, largest + 2)
    .map(([unit, ms]) => {
      const count = Math.floor(rest / ms)
      rest -= count * ms
      return count === 0 ? '' : `${count}${unit}`
    })
    .join('')
}
