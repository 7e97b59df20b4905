import { startOfDay, type Zone } from '../state/calendar.ts'

/** The values of a `date` and a `time` input. */
export interface InputTime {
  /** `2026-01-02`, or empty. */
  readonly date: string
  /** `13:30`, or empty for the start (or for the end) of the day. */
  readonly time: string
}

/** Converts the values of inputs to epoch milliseconds, or null if the date is missing. */
export function readInputTime({ date, time }: InputTime, zone: Zone): number | null {
  const at = Date.parse(`${date}T${time || '00:00'}:00${zone === 'utc' ? 'Z' : ''}`)
  return Number.isNaN(at) ? null : at
}

/** Converts the end of a period: without a time, it includes the whole day. */
export function readInputEnd(input: InputTime, zone: Zone): number | null {
  const at = readInputTime(input, zone)
  return at === null || input.time ? at : startOfDay(at, zone, 1)
}

/** Formats epoch milliseconds for inputs. The time is empty for the start of a day. */
export function formatInputTime(at: number, zone: Zone): InputTime {
  const offsetMinutes = zone === 'utc' ? 0 : new Date(at).getTimezoneOffset()
  const shifted = new Date(at - offsetMinutes * 60_000)
  if (Number.isNaN(shifted.getTime()) || shifted.getTime() < 0) return { date: '', time: '' }
  const [date = '', time = ''] = shifted.toISOString().split('T')
  return { date, time: startOfDay(at, zone) === at ? '' : time.slice(0, 5) }
}

/** Formats the end of a period: the end of a day is that day without a time. */
export function formatInputEnd(at: number, zone: Zone): InputTime {
  return startOfDay(at, zone) === at
    ? { date: formatInputTime(at - 1, zone).date, time: '' }
    : formatInputTime(at, zone)
}
