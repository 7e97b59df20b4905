import { Temporal } from 'temporal-polyfill'
import type { SessionEndFilter } from './filter.ts'

export interface ExportDescription {
  readonly filter: Pick<SessionEndFilter, 'site' | 'from' | 'to' | 'search'>
  /** The time zone of the dates in the name, by its IANA name. */
  readonly timeZone: string
  /** The end of the file's name after the dot, such as `csv`. */
  readonly extension: string
}

/**
 * Names the file of an export by its site and its time span, such as `lapse-acme-2026-10.csv`. A time span that is a
 * day, a month, a quarter or a year of the time zone has a short name. Others have the dates of their first and last
 * day.
 */
export function createExportName({ filter, timeZone, extension }: ExportDescription): string {
  const site = findSite(filter)?.replace(/[^\w-]/g, '_') ?? 'all'
  const span = describeSpan(filter, timeZone)
  return `${['lapse', site, span].filter((part) => part !== undefined).join('-')}.${extension}`
}

/** Finds the site of an export. */
export function findSite({ site, search }: ExportDescription['filter']): string | undefined {
  if (site !== undefined) return site
  const values = (search?.terms ?? [])
    .filter(({ key, isExcluded }) => key === 'site' && !isExcluded)
    .flatMap((term) => term.values)
  const [value, ...others] = values
  return value && !value.isPrefix && others.length === 0 ? value.text : undefined
}

function describeSpan(
  { from, to }: Pick<SessionEndFilter, 'from' | 'to'>,
  timeZone: string,
): string | undefined {
  const toLocal = (time: Date) =>
    Temporal.Instant.fromEpochMilliseconds(time.getTime()).toZonedDateTimeISO(timeZone)
  // The time span ends before `to`.
  const last = to && toLocal(new Date(to.getTime() - 1)).toPlainDate()
  if (!from) return last && `until-${last}`
  const start = toLocal(from)
  const first = start.toPlainDate()
  if (!to || !last) return `since-${first}`
  if (isMidnight(start) && isMidnight(toLocal(to))) {
    const period = describePeriod(first, last.add({ days: 1 }))
    if (period !== undefined) return period
  }
  return `${first}_${last}`
}

/** The start of a day is not always at 00:00, because of daylight saving time. */
function isMidnight(time: Temporal.ZonedDateTime): boolean {
  return time.epochMilliseconds === time.startOfDay().epochMilliseconds
}

/** Names the time span from one day to before another if it is a day, a month, a quarter or a year. */
function describePeriod(first: Temporal.PlainDate, end: Temporal.PlainDate): string | undefined {
  if (first.add({ days: 1 }).equals(end)) return first.toString()
  if (first.day !== 1) return undefined
  if (first.add({ months: 1 }).equals(end)) return first.toPlainYearMonth().toString()
  const year = first
    .toPlainYearMonth()
    .toString()
    .replace(/-\d\d$/, '')
  if (first.month % 3 === 1 && first.add({ months: 3 }).equals(end))
    return `${year}-Q${Math.ceil(first.month / 3)}`
  if (first.month === 1 && first.add({ years: 1 }).equals(end)) return year
  return undefined
}
