import type { Knex } from 'knex'
import { z } from 'zod'
import { dayMs, hourMs } from '../../domain/durations.ts'
import { parseJson } from '../../domain/text/parseJson.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { EpochSpan } from './epochSpan.ts'
import { getRollupTableNames } from './rollupTables.ts'

/** The flags that are counted from rows. The rollup counts the others: they are a reason and a kind of evidence. */
export const rowFlags = ['review', 'skew', 'late', 'conflict', 'corrected', 'burst'] as const
export type RowFlag = (typeof rowFlags)[number]

/** The number of rows, and of those with each flag. */
type FlaggedRows = Readonly<Record<'rows' | RowFlag, number>>

/** The counts of a site in one hour, by the number of the hour since 1970 (UTC). */
export interface FlagHour extends FlaggedRows {
  readonly site: string
  readonly hour: number
}

export const hoursPerDay = dayMs / hourMs
const hourlyCounts = z.array(z.int().nonnegative()).length(hoursPerDay)
const flagDaySchema = z.object({
  rows: hourlyCounts,
  review: hourlyCounts,
  skew: hourlyCounts,
  late: hourlyCounts,
  conflict: hourlyCounts,
  corrected: hourlyCounts,
  burst: hourlyCounts,
})

/** The counts of a site and a day (UTC), by hour. */
export type FlagDay = z.output<typeof flagDaySchema>

export const createHours = () => Array.from({ length: hoursPerDay }, () => 0)

const createFlagDay = (): FlagDay => ({
  rows: createHours(),
  review: createHours(),
  skew: createHours(),
  late: createHours(),
  conflict: createHours(),
  corrected: createHours(),
  burst: createHours(),
})

/** Identifies a site and a day. */
export const toDayKey = ({ site, day }: { readonly site: string; readonly day: number }) => `${day} ${site}`

interface StoredDay {
  readonly site: string
  readonly day: number
  readonly counts: string
}

/**
 * Reads the stored counts of sites and days. Days without stored counts, and damaged ones, are missing, and so are all
 * if the account is not allowed to read them.
 *
 * @returns the counts by `toDayKey`.
 */
export async function readFlagDays(
  transaction: Knex.Transaction,
  tableName: string,
  sites: readonly string[],
  { from, to }: EpochSpan,
): Promise<Map<string, FlagDay>> {
  try {
    const stored: StoredDay[] = await transaction(getRollupTableNames(tableName).flagDays)
      .whereIn('site', sites)
      .where('day', '>=', Math.floor(from / dayMs))
      .where('day', '<', Math.ceil(to / dayMs))
    return parseDays(stored)
  } catch (error) {
    if (hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR'])) return new Map()
    throw error
  }
}

/** The rows of one statement. */
const rowsPerUpsert = 50

/** Replaces the counts of all sites in some hours. */
export async function saveFlagHours(
  transaction: Knex.Transaction,
  tableName: string,
  hours: ReadonlySet<number>,
  counts: readonly FlagHour[],
): Promise<void> {
  const table = getRollupTableNames(tableName).flagDays
  const countsByDay = Map.groupBy(counts, ({ hour }) => Math.floor(hour / hoursPerDay))
  const hoursByDay = Map.groupBy(hours, (hour) => Math.floor(hour / hoursPerDay))
  const days = [...hoursByDay]
  for (let first = 0; first < days.length; first += rowsPerUpsert) {
    const batch = days.slice(first, first + rowsPerUpsert)
    const dayNumbers = batch.map(([day]) => day)
    const stored: StoredDay[] = await transaction(table).whereIn('day', dayNumbers)
    const changed = batch.flatMap(([day, dayHours]) =>
      replaceHours({ day, hours: dayHours, counts: countsByDay.get(day) ?? [] }, stored),
    )
    for (let start = 0; start < changed.length; start += rowsPerUpsert)
      await transaction(table)
        .insert(changed.slice(start, start + rowsPerUpsert))
        .onConflict(['day', 'site'])
        .merge(['counts'])
  }
}

interface DayChange {
  readonly day: number
  readonly hours: readonly number[]
  readonly counts: readonly FlagHour[]
}

/** Replaces the counts of a day in some hours. */
function replaceHours({ day, hours, counts }: DayChange, stored: readonly StoredDay[]): StoredDay[] {
  const ofDay = stored.filter((each) => each.day === day)
  const days = parseDays(ofDay)
  const sites = new Set([...ofDay, ...counts].map(({ site }) => site))
  return [...sites].map((site) => {
    const flagDay = days.get(toDayKey({ site, day })) ?? createFlagDay()
    for (const hour of hours) {
      const counted = counts.find((each) => each.site === site && each.hour === hour)
      for (const name of ['rows', ...rowFlags] as const)
        flagDay[name][hour % hoursPerDay] = counted?.[name] ?? 0
    }
    return { site, day, counts: JSON.stringify(flagDay) }
  })
}

function parseDays(stored: readonly StoredDay[]): Map<string, FlagDay> {
  const days = new Map<string, FlagDay>()
  for (const { counts, ...key } of stored) {
    const { data } = flagDaySchema.safeParse(parseJson(counts))
    if (data) days.set(toDayKey(key), data)
  }
  return days
}
