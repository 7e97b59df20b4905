/** The viewer's zone, by its IANA name. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

const language = navigator.language
const dateTime = new Intl.DateTimeFormat(language, {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const shortDateTime = new Intl.DateTimeFormat(language, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const clock = new Intl.DateTimeFormat(language, { timeStyle: 'medium', hourCycle: 'h23' })
const date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' })

const zoneOffset = new Intl.DateTimeFormat(language, { timeZoneName: 'shortOffset' })

const dayOfMonth = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
const hour = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** For an axis, whose place is small: the day, or within one the hour. `at` is epoch milliseconds. */
export const asTick = (at: number) =>
  new Date(at).getHours() + new Date(at).getMinutes() === 0 ? dayOfMonth.format(at) : hour.format(at)
export const asDateTime = (time: string) => dateTime.format(new Date(time)) + offsetOf(time)
export const asShortDateTime = (time: string) => shortDateTime.format(new Date(time)) + offsetOf(time)
export const asClock = (time: string) => clock.format(new Date(time))
export const asDate = (time: string) => date.format(new Date(time))

/** Tells apart the two hours of one name, when the clocks are put back: ` GMT+2`; nothing at any other time. */
function offsetOf(time: string): string {
  const at = Date.parse(time)
  const offset = (minutes: number) => new Date(at + minutes * 60_000).getTimezoneOffset()
  // Clocks are put back by an hour; on Lord Howe by half of one, in Antarctica by two.
  const isTwice = [30, 60, 120].some(
    (minutes) => offset(minutes) - offset(0) === minutes || offset(0) - offset(-minutes) === minutes,
  )
  if (!isTwice) return ''
  const name = zoneOffset.formatToParts(at).find(({ type }) => type === 'timeZoneName')
  return name ? ` ${name.value}` : ''
}

/** The same instant in UTC, as it stands in the table: `2026-01-02 13:30:00.123 UTC`. */
export const asUtc = (time: string) => `${time.replace('T', ' ').replace('Z', '')} UTC`

const units = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const

/** The two largest units of a duration: `1 h 20 min`. */
export function asDuration(ms: number): string {
  const sign = ms < 0 ? '−' : ''
  const total = Math.abs(ms) / 1000
  if (total < 1) return total === 0 ? '0 s' : `${sign}${Math.abs(Math.round(ms))} ms`
  let rest = Math.round(total)
  const parts: string[] = []
  for (const [seconds, unit] of units) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return sign + parts.join(' ')
}

const number = new Intl.NumberFormat(language)
export const asCount = (count: number) => number.format(count)
const shortNumber = new Intl.NumberFormat(language, { notation: 'compact' })
/** For an axis, whose place is small: `1.5M`. */
export const asShortCount = (count: number) => shortNumber.format(count)
const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 })
/** Not all is never rounded to all. */
export const asPercent = (share: number) => percent.format(share < 1 ? Math.min(share, 0.99) : share)
