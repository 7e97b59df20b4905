/** The user's time zone, as an IANA name. */
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
const timeOfDay = new Intl.DateTimeFormat(language, { timeStyle: 'medium', hourCycle: 'h23' })
const date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' })
const axisDay = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
const axisHour = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const zoneOffset = new Intl.DateTimeFormat(language, { timeZoneName: 'shortOffset' })

export const formatDateTime = (time: string) => dateTime.format(new Date(time)) + formatAmbiguousOffset(time)
export const formatShortDateTime = (time: string) =>
  shortDateTime.format(new Date(time)) + formatAmbiguousOffset(time)
export const formatTimeOfDay = (time: string) => timeOfDay.format(new Date(time))
export const formatDate = (time: string) => date.format(new Date(time))

/** Formats a label of the time axis: the day at midnight, otherwise the hour. `at` is in epoch milliseconds. */
export function formatAxisTime(at: number): string {
  const time = new Date(at)
  const isMidnight = time.getHours() === 0 && time.getMinutes() === 0
  return isMidnight ? axisDay.format(at) : axisHour.format(at)
}

/** Formats a time as the audit table stores it: `2026-01-02 13:30:00.123 UTC`. */
export const formatUtc = (time: string) => `${time.replace('T', ' ').replace('Z', '')} UTC`

/** Returns the time from one instant to another in milliseconds, or null if one of them is unknown. */
export function measureMs(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : Date.parse(to) - Date.parse(from)
}

/** When clocks go back, an hour occurs twice. Returns the offset of such a time (` GMT+2`), and `''` for any other. */
function formatAmbiguousOffset(time: string): string {
  const at = Date.parse(time)
  const findOffsetAfter = (minutes: number) => new Date(at + minutes * 60_000).getTimezoneOffset()
  // Most zones change by an hour, Lord Howe by 30 minutes, and Troll station in Antarctica by two hours.
  const isAmbiguous = [30, 60, 120].some(
    (minutes) =>
      findOffsetAfter(minutes) - findOffsetAfter(0) === minutes ||
      findOffsetAfter(0) - findOffsetAfter(-minutes) === minutes,
  )
  if (!isAmbiguous) return ''
  const name = zoneOffset.formatToParts(at).find(({ type }) => type === 'timeZoneName')
  return name ? ` ${name.value}` : ''
}
