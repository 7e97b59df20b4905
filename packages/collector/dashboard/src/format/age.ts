const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** The largest unit comes first. Months and years are approximate: the absolute time is always shown as well. */
const units = [
  { lengthMs: 365 * dayMs, symbol: 'y' },
  { lengthMs: 61 * dayMs, unitMs: 30.4 * dayMs, symbol: 'mo' },
  { lengthMs: 2 * dayMs, unitMs: dayMs, symbol: 'd' },
  { lengthMs: hourMs, symbol: 'h' },
  { lengthMs: minuteMs, symbol: 'min' },
] as const

/** Says how long ago a time is in one unit, such as `12 min ago`. `now` is in epoch milliseconds. */
export function formatAge(time: string, now: number): string {
  const ageMs = now - Date.parse(time)
  const unit = units.find(({ lengthMs }) => Math.abs(ageMs) >= lengthMs)
  if (!unit) return 'just now'
  const count = Math.floor(Math.abs(ageMs) / ('unitMs' in unit ? unit.unitMs : unit.lengthMs))
  return ageMs > 0 ? `${count} ${unit.symbol} ago` : `in ${count} ${unit.symbol}`
}
