import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { dayMs, hourMs } from '../domain/durations.ts'

/** The units of time in which a summary counts: the hours, days, weeks or months of a time zone. */
export const buckets = ['hour', 'day', 'week', 'month'] as const
export type Bucket = (typeof buckets)[number]

const lengthsMs = { hour: hourMs, day: dayMs } as const

/** A period in which a time zone keeps the same UTC offset. Times are epoch milliseconds. */
interface OffsetPeriod {
  readonly since: number
  readonly until: number
  readonly offsetMs: number
}

/**
 * Lists where the buckets between two times start, in ascending order. The first bucket contains `from`. All times are
 * epoch milliseconds.
 *
 * A day starts at local midnight, so it has 23, 24 or 25 hours. A week starts on Monday. An hour starts when the local
 * minutes are zero, or when the clocks change: a repeated hour makes two buckets.
 *
 * @returns at most `limit + 1` starts. More than `limit` means that the period has too many buckets.
 */
export function listBucketStarts(
  bucket: Bucket,
  timeZone: string,
  from: number,
  to: number,
  limit: number,
): number[] {
  return bucket === 'hour' || bucket === 'day'
    ? listClockStarts(bucket, timeZone, from, to, limit)
    : listCalendarStarts(bucket, timeZone, from, to, limit)
}

/** Returns the first day of the week or month that contains a date. */
export function findFirstDay(unit: 'week' | 'month', date: Temporal.PlainDate): Temporal.PlainDate {
  return unit === 'week' ? date.subtract({ days: date.dayOfWeek - 1 }) : date.with({ day: 1 })
}

function listCalendarStarts(
  bucket: 'week' | 'month',
  timeZone: string,
  from: number,
  to: number,
  limit: number,
): number[] {
  const date = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone).toPlainDate()
  const first = findFirstDay(bucket, date)
  const starts: number[] = []
  while (starts.length <= limit) {
    const step = bucket === 'week' ? { weeks: starts.length } : { months: starts.length }
    const start = first.add(step).toZonedDateTime(timeZone).epochMilliseconds
    if (start >= to) break
    starts.push(start)
  }
  return starts
}

function listClockStarts(
  bucket: 'hour' | 'day',
  timeZone: string,
  from: number,
  to: number,
  limit: number,
): number[] {
  const lengthMs = lengthsMs[bucket]
  const starts: number[] = []
  let previous: number | undefined
  // A day has at most 25 hours, so the bucket of `from` starts less than two days before it.
  for (const { since, until, offsetMs } of listOffsetPeriods(timeZone, from - 2 * dayMs, to)) {
    let start = since
    while (start < until && starts.length <= limit) {
      const label = Math.floor((start + offsetMs) / lengthMs)
      if (label !== previous || bucket === 'hour') {
        if (start <= from) starts.length = 0
        starts.push(start)
      }
      previous = label
      start = (label + 1) * lengthMs - offsetMs
    }
    if (starts.length > limit) break
  }
  return starts
}

/** Returns whether the IANA database has a time zone with this name, such as `Europe/Vienna` or `UTC`. */
export function isTimeZone(name: string): boolean {
  try {
    // Intl also accepts offsets such as +05:30, which have no daylight saving time.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

/** Converts an ISO 8601 date to the instant when it begins in a time zone. Returns other values unchanged. */
export function toStartOfDate<T>(value: T, timeZone: string): T | string {
  const date = z.iso.date().safeParse(value)
  return date.success
    ? Temporal.PlainDate.from(date.data).toZonedDateTime(timeZone).toInstant().toString()
    : value
}

function* listOffsetPeriods(timeZone: string, from: number, to: number): Generator<OffsetPeriod> {
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone)
  while (at.epochMilliseconds < to) {
    const next = at.getTimeZoneTransition('next')
    const until = Math.min(next?.epochMilliseconds ?? to, to)
    yield { since: at.epochMilliseconds, until, offsetMs: at.offsetNanoseconds / 1e6 }
    if (!next) return
    at = next
  }
}
