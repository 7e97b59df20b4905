import { Temporal } from 'temporal-polyfill'
import { findFirstDay } from './buckets.ts'
import type { TimeSpan } from './filter.ts'

/**
 * Finds the period that a period is compared with. It has the same length on the calendar of the time zone, and ends
 * no later than the period starts:
 *
 * - Whole months are compared with as many months before.
 * - A period from the start of a day, week (Monday), month, quarter or year that does not reach beyond its end is
 *   compared with the same part of the one before: this week until Wednesday noon with last week until Wednesday noon.
 *   If several units fit, the shortest one counts.
 * - Any other period that starts at midnight is moved back by as many days as it touches.
 * - All others are moved back by their length: by days if they start and end at the same time of day, otherwise by the
 *   exact time.
 */
export function findPreviousPeriod({ from, to }: TimeSpan, timeZone: string): TimeSpan {
  const start = toZoned(from, timeZone)
  const end = toZoned(to, timeZone)
  const shift = chooseShift(start, end)
  const previousTo = endsWithMonth(start, end) ? start : moveBack(end, shift)
  // Times before 1970 cannot be selected.
  return {
    from: new Date(Math.max(moveBack(start, shift).epochMilliseconds, 0)),
    // A month can be longer than the one before it.
    to: new Date(Math.max(Math.min(previousTo.epochMilliseconds, start.epochMilliseconds), 0)),
  }
}

/** Has one of the units. */
interface Shift {
  readonly months?: number
  readonly days?: number
  readonly milliseconds?: number
}

function chooseShift(start: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime): Shift {
  if (isMidnight(start)) {
    const [firstDay, lastDay] = [start.toPlainDate(), end.toPlainDate()]
    if (endsWithMonth(start, end))
      return { months: firstDay.until(lastDay, { largestUnit: 'months' }).months }
    const unit = calendarUnits.find(
      ({ startsOn, length }) =>
        startsOn(firstDay) && toMidnight(firstDay.add(length), start) >= end.epochMilliseconds,
    )
    return unit?.length ?? { days: firstDay.until(lastDay).days + (isMidnight(end) ? 0 : 1) }
  }
  const { days } = start.until(end, { largestUnit: 'days' })
  const areWholeDays = days > 0 && start.add({ days }).epochMilliseconds === end.epochMilliseconds
  return areWholeDays ? { days } : { milliseconds: end.epochMilliseconds - start.epochMilliseconds }
}

interface CalendarUnit {
  readonly startsOn: (day: Temporal.PlainDate) => boolean
  readonly length: Shift
}

/** From the shortest to the longest. */
const calendarUnits: readonly CalendarUnit[] = [
  { startsOn: () => true, length: { days: 1 } },
  { startsOn: (day) => day.equals(findFirstDay('week', day)), length: { days: 7 } },
  { startsOn: (day) => day.day === 1, length: { months: 1 } },
  { startsOn: (day) => day.day === 1 && day.month % 3 === 1, length: { months: 3 } },
  { startsOn: (day) => day.day === 1 && day.month === 1, length: { months: 12 } },
]

/** Moves midnight to midnight, even where clocks change then. */
function moveBack(time: Temporal.ZonedDateTime, shift: Shift): Temporal.ZonedDateTime {
  if (shift.milliseconds !== undefined || !isMidnight(time)) return time.subtract(shift)
  return time.toPlainDate().subtract(shift).toZonedDateTime(time.timeZoneId)
}

const toZoned = (time: Date, timeZone: string) =>
  Temporal.Instant.fromEpochMilliseconds(time.getTime()).toZonedDateTimeISO(timeZone)

const toMidnight = (day: Temporal.PlainDate, { timeZoneId }: Temporal.ZonedDateTime) =>
  day.toZonedDateTime(timeZoneId).epochMilliseconds

/** Returns whether this is the first instant of a day. */
const isMidnight = (time: Temporal.ZonedDateTime) =>
  time.epochMilliseconds === time.startOfDay().epochMilliseconds

const endsWithMonth = (start: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime) =>
  [start, end].every((time) => time.day === 1 && isMidnight(time))
