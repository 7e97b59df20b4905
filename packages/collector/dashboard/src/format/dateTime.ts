import { startOfDay, type Zone } from '../state/calendar.ts'

const localTimeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The whole page shows its times in one zone, so it is not passed to each component that shows one. */
let displayZone: Zone = 'local'

/** Chooses the zone for all times. The page must be rendered again afterwards. */
export function setDisplayZone(zone: Zone): void {
  displayZone = zone
}

/** Returns the IANA name of the time zone in which times are shown. */
export const getTimeZone = () => (displayZone === 'utc' ? 'UTC' : localTimeZone)

const language = navigator.language

function createFormat(options: Intl.DateTimeFormatOptions) {
  const formats = {
    local: new Intl.DateTimeFormat(language, options),
    utc: new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }),
  }
  return (at: string | number) => formats[displayZone].format(new Date(at))
}

const day = { day: 'numeric', month: 'short' } as const
const minute = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
const formatFullTime = createFormat({ ...day, ...minute, year: 'numeric', second: '2-digit' })
const formatShortTime = createFormat({ ...day, ...minute })
const formatTime = createFormat({ timeStyle: 'medium', hourCycle: 'h23' })
const formatFullDate = createFormat({ ...day, year: 'numeric' })
const formatShortMonth = createFormat({ month: 'short' })
const formatOnlyYear = createFormat({ year: 'numeric' })
const formatAxisDay = createFormat(day)
const formatMonthAndYear = createFormat({ month: 'short', year: 'numeric' })
const formatAxisHour = createFormat(minute)
const zoneOffset = new Intl.DateTimeFormat(language, { timeZoneName: 'shortOffset' })

export const formatDateTime = (time: string) => formatFullTime(time) + formatAmbiguousOffset(time)
export const formatShortDateTime = (time: string) => formatShortTime(time) + formatAmbiguousOffset(time)
export const formatTimeOfDay = (time: string) => formatTime(time)
export const formatDate = (time: string) => formatFullDate(time)
/** `Oct 2026` */
export const formatMonth = (time: string | number) => formatMonthAndYear(time)
/** `Oct` */
export const formatMonthName = (time: string) => formatShortMonth(time)
export const formatYear = (time: string) => formatOnlyYear(time)

/** Formats a label of the time axis: the day at midnight, otherwise the hour. `at` is in epoch milliseconds. */
export const formatAxisTime = (at: number) =>
  startOfDay(at, displayZone) === at ? formatAxisDay(at) : formatAxisHour(at)

/** Formats a time as the audit table stores it: `2026-01-02 13:30:00.123 UTC`. */
export const formatUtc = (time: string) => `${time.replace('T', ' ').replace('Z', '')} UTC`

/** Returns the time from one instant to another in milliseconds, or null if one of them is unknown. */
export function measureMs(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : Date.parse(to) - Date.parse(from)
}

/** When clocks go back, an hour occurs twice. Returns the offset of such a time (` GMT+2`), and `''` for any other. */
function formatAmbiguousOffset(time: string): string {
  if (displayZone === 'utc') return ''
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
