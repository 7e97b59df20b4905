import { dayMs, hourMs, minuteMs } from '../durations.ts'

const unitsMs: Readonly<Record<string, number>> = {
  w: 7 * dayMs,
  d: dayMs,
  h: hourMs,
  m: minuteMs,
  s: 1000,
}

/**
 * Parses a duration such as `30m`, `12h`, `90d` or `1h30m`: weeks, days, hours, minutes and seconds, in this order. A
 * day has 24 hours.
 *
 * @returns the duration in milliseconds, or undefined if the text is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$/.test(text)) return undefined
  const parts = [...text.matchAll(/(\d+)([a-z])/g)]
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitsMs[unit] ?? 0), 0)
}
