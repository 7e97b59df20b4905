/** The zone in which the page shows times and in which its calendar periods begin. */
export type Zone = 'local' | 'utc'

interface CalendarDate {
  readonly year: number
  /** From 0. */
  readonly month: number
  readonly day: number
  /** From 0 for Monday. */
  readonly weekday: number
}

/** Returns the date of an instant in a zone. Instants are epoch milliseconds. */
function readDate(at: number, zone: Zone): CalendarDate {
  const time = new Date(at)
  return zone === 'utc'
    ? {
        year: time.getUTCFullYear(),
        month: time.getUTCMonth(),
        day: time.getUTCDate(),
        weekday: (time.getUTCDay() + 6) % 7,
      }
    : {
        year: time.getFullYear(),
        month: time.getMonth(),
        day: time.getDate(),
        weekday: (time.getDay() + 6) % 7,
      }
}

/**
 * Returns the first instant of a date, which is not midnight if clocks go forward then. A month or day outside its usual
 * values counts on: month 12 is January of the next year.
 */
function startOfDate(year: number, month: number, day: number, zone: Zone): number {
  // Not the constructor, which takes the years 0 to 99 for those from 1900.
  const time = new Date(0)
  if (zone === 'utc') return time.setUTCFullYear(year, month, day)
  time.setHours(0, 0, 0, 0)
  time.setFullYear(year, month, day)
  return time.setHours(0, 0, 0, 0)
}

export function startOfDay(at: number, zone: Zone, daysLater = 0): number {
  const { year, month, day } = readDate(at, zone)
  return startOfDate(year, month, day + daysLater, zone)
}

/** Weeks begin on Monday. */
export function startOfWeek(at: number, zone: Zone, weeksLater = 0): number {
  const { year, month, day, weekday } = readDate(at, zone)
  return startOfDate(year, month, day - weekday + 7 * weeksLater, zone)
}

export function startOfMonth(at: number, zone: Zone, monthsLater = 0): number {
  const { year, month } = readDate(at, zone)
  return startOfDate(year, month + monthsLater, 1, zone)
}

export function startOfQuarter(at: number, zone: Zone, quartersLater = 0): number {
  const { year, month } = readDate(at, zone)
  return startOfDate(year, month - (month % 3) + 3 * quartersLater, 1, zone)
}

export function startOfYear(at: number, zone: Zone, yearsLater = 0): number {
  return startOfDate(readDate(at, zone).year + yearsLater, 0, 1, zone)
}
