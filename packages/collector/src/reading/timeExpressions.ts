import { Temporal } from 'temporal-polyfill'
import { dayMs } from '../domain/durations.ts'
import { parseDuration } from '../domain/text/parseDuration.ts'

/** The time zone in which dates and words such as `today` are read, and the current time in epoch milliseconds. */
export interface TimeContext {
  readonly timeZone: string
  readonly now: number
}

/** What a time expression means. Times are epoch milliseconds. */
interface TimeMeaning {
  readonly start: number
  /** The end of a period, exclusive. Undefined for a point in time. */
  readonly end?: number
}

/** The two ends of a time range. */
export interface TimeRange {
  readonly from?: string
  readonly to?: string
}

/**
 * Parses a time expression, such as `2026-01-02T13:30:00Z`, `2026-01-02`, `2026-01`, `yesterday`, `last week` or `7d`.
 * Capital letters don't matter, and hyphens may replace the spaces. Weeks start on Monday. A time without a UTC offset
 * is in the time zone of the context.
 *
 * @returns undefined if the text is not a time expression.
 */
export function parseTimeExpression(text: string, context: TimeContext): TimeMeaning | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
  return parseWords(words, context) ?? parseAge(words, context) ?? parseCalendarTime(text.trim(), context)
}

/**
 * Converts the two ends of a time range to ISO 8601 times, for a query. A period in `from` without `to`, such as
 * `yesterday`, means the whole period, or what has passed of it. Otherwise, a period stands for its start. Texts that
 * are no time expressions are returned unchanged, so that the query names them as invalid.
 */
export function resolveTimeRange(
  { from, to }: Partial<Record<'from' | 'to', string | undefined>>,
  context: TimeContext,
): TimeRange {
  const since = from === undefined ? undefined : parseTimeExpression(from, context)
  const until = to === undefined ? undefined : parseTimeExpression(to, context)
  const end = to === undefined && since?.end !== undefined && since.end <= context.now ? since.end : undefined
  return {
    ...(from !== undefined && { from: since ? formatTime(since.start) : from }),
    ...(to !== undefined && { to: until ? formatTime(until.start) : to }),
    ...(end !== undefined && { to: formatTime(end) }),
  }
}

function formatTime(epochMs: number): string {
  return Temporal.Instant.fromEpochMilliseconds(epochMs).toString()
}

const periodWords = /^(this|last) (week|month|quarter|year)$/

function parseWords(words: string, context: TimeContext): TimeMeaning | undefined {
  if (words === 'now') return { start: context.now }
  const today = Temporal.Instant.fromEpochMilliseconds(context.now)
    .toZonedDateTimeISO(context.timeZone)
    .toPlainDate()
  if (words === 'today') return toPeriod(today, { days: 1 }, context)
  if (words === 'yesterday') return toPeriod(today.subtract({ days: 1 }), { days: 1 }, context)
  const [, which, unit = ''] = periodWords.exec(words) ?? []
  const period = periods[unit]
  if (!period) return undefined
  const start = period.findStart(today)
  return toPeriod(which === 'last' ? start.subtract(period.length) : start, period.length, context)
}

interface Period {
  readonly findStart: (day: Temporal.PlainDate) => Temporal.PlainDate
  readonly length: Readonly<Temporal.DurationLikeObject>
}

const periods: Readonly<Record<string, Period>> = {
  week: { findStart: (day) => day.subtract({ days: day.dayOfWeek - 1 }), length: { weeks: 1 } },
  month: { findStart: (day) => day.with({ day: 1 }), length: { months: 1 } },
  quarter: {
    findStart: (day) => day.with({ day: 1, month: day.month - ((day.month - 1) % 3) }),
    length: { months: 3 },
  },
  year: { findStart: (day) => day.with({ day: 1, month: 1 }), length: { years: 1 } },
}

function toPeriod(
  first: Temporal.PlainDate,
  length: Period['length'],
  { timeZone }: TimeContext,
): TimeMeaning {
  // A day starts at midnight, or at the first time of the day that exists in the time zone.
  const findStart = (day: Temporal.PlainDate) => day.toZonedDateTime(timeZone).epochMilliseconds
  return { start: findStart(first), end: findStart(first.add(length)) }
}

/** Ten thousand years. */
const maxAgeMs = 10_000 * 366 * dayMs

function parseAge(words: string, { now }: TimeContext): TimeMeaning | undefined {
  const age = parseDuration(words)
  return age === undefined || age > maxAgeMs ? undefined : { start: now - age }
}

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(?<offset>[Zz]|[+-]\d{2}:?\d{2})?$/

/** Parses what looks like a calendar time. Returns undefined for times that do not exist, such as 2026-02-30. */
function parseCalendarTime(text: string, context: TimeContext): TimeMeaning | undefined {
  try {
    if (/^\d{12,15}$/.test(text)) return { start: Number(text) }
    if (/^\d{4}$/.test(text)) return parsePeriod(`${text}-01-01`, { years: 1 }, context)
    if (/^\d{4}-\d{2}$/.test(text)) return parsePeriod(`${text}-01`, { months: 1 }, context)
    if (/^\d{4}-\d{2}-\d{2}$/.test(text))
      return { start: Temporal.PlainDate.from(text).toZonedDateTime(context.timeZone).epochMilliseconds }
    const match = dateTime.exec(text)
    if (!match) return undefined
    if (match.groups?.offset) return { start: Temporal.Instant.from(text).epochMilliseconds }
    return { start: Temporal.PlainDateTime.from(text).toZonedDateTime(context.timeZone).epochMilliseconds }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function parsePeriod(first: string, length: Period['length'], context: TimeContext): TimeMeaning {
  return toPeriod(Temporal.PlainDate.from(first), length, context)
}
