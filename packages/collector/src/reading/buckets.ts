import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'

/** What the lapses of a summary are counted by: the hours or the days of a time zone. */
export const buckets = ['hour', 'day'] as const
export type Bucket = (typeof buckets)[number]

const lengthMs: Readonly<Record<Bucket, number>> = { hour: 3_600_000, day: 86_400_000 }

/** A time in which the clocks of a zone keep their distance to UTC; epoch milliseconds. */
interface Offset {
  readonly since: number
  readonly until: number
  readonly offsetMs: number
}

/**
 * Where the buckets between two times begin, in their order; the first one is that in which `from` lies. All times
 * are epoch milliseconds.
 *
 * A day begins with its date, so that it has 23, 24 or 25 hours. An hour begins when the minutes are zero, or when
 * the clocks are changed: both hours that are called two o'clock are there.
 *
 * @returns at most `limit` of them and one more, which says that there would be too many.
 */
export function bucketStarts(
  bucket: Bucket,
  timeZone: string,
  from: number,
  to: number,
  limit: number,
): number[] {
  const length = lengthMs[bucket]
  const starts: number[] = []
  let previous: number | undefined
  // A day has at most 25 hours: the bucket of `from` begins within the two before it.
  for (const { since, until, offsetMs } of offsets(timeZone, from - 2 * lengthMs.day, to)) {
    let start = since
    while (start < until && starts.length <= limit) {
      const label = Math.floor((start + offsetMs) / length)
      if (label !== previous || bucket === 'hour') {
        if (start <= from) starts.length = 0
        starts.push(start)
      }
      previous = label
      start = (label + 1) * length - offsetMs
    }
    if (starts.length > limit) break
  }
  return starts
}

/** Whether a name is that of a time zone in the IANA database, such as `Europe/Vienna` or `UTC`. */
export function isTimeZone(name: string): boolean {
  try {
    // An offset such as +05:30 would be taken as well, and is no zone: it has no summer.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

/** The instant at which a date of ISO 8601 begins in a time zone, as such a text. Anything else stays as it is. */
export function startOfDate<T>(value: T, timeZone: string): T | string {
  const date = z.iso.date().safeParse(value)
  return date.success
    ? Temporal.PlainDate.from(date.data).toZonedDateTime(timeZone).toInstant().toString()
    : value
}

function* offsets(timeZone: string, from: number, to: number): Generator<Offset> {
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone)
  while (at.epochMilliseconds < to) {
    const next = at.getTimeZoneTransition('next')
    const until = Math.min(next?.epochMilliseconds ?? to, to)
    yield { since: at.epochMilliseconds, until, offsetMs: at.offsetNanoseconds / 1e6 }
    if (!next) return
    at = next
  }
}
