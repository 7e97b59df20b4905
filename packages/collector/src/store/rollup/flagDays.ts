import type { Knex } from 'knex'
import { z } from 'zod'
import { dayMs, hourMs } from '../../domain/durations.ts'
import { parseJson } from '../../domain/text/parseJson.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { EpochSpan } from './epochSpan.ts'
import { getRollupTableNames } from './rollupTables.ts'

/** The flags that are counted from rows. The rollup counts the others: they are a reason and a kind of evidence. */
export const rowFlags = ['review', 'skew', 'late', 'conflict', 'correction', 'burst'] as const
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
  correction: hourlyCounts,
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
  correction: createHours(),
  burst: createHours(),
})

/** Identifies a site and a day. */
export const toDayKey = ({ site, day }: { readonly site: string; readonly day: number }) => `${day} ${site}`

interface StoredDay {
  readonly site: string
  readonly day: number
  readonly counts: string
}

/** The stored counts of a span. */
interface StoredFlags {
  /** By `toDayKey`. Days without stored counts, and damaged ones, are missing. */
  readonly days: ReadonlyMap<string, FlagDay>
  /** The hours whose counts are outdated. */
  readonly outdated: ReadonlySet<number>
}

/** Reads the stored counts of sites and days. There are none if the account is not allowed to read them. */
export async function readStoredFlags(
  transaction: Knex.Transaction,
  tableName: string,
  sites: readonly string[],
  { from, to }: EpochSpan,
): Promise<StoredFlags> {
  const { flagDays, recounts } = getRollupTableNames(tableName)
  try {
    const stored: StoredDay[] = await transaction(flagDays)
      .whereIn('site', sites)
      .where('day', '>=', Math.floor(from / dayMs))
      .where('day', '<', Math.ceil(to / dayMs))
    const outdated: number[] = await transaction(recounts)
      .where('hour', '>=', Math.floor(from / hourMs))
      .where('hour', '<', Math.ceil(to / hourMs))
      .distinct()
      .pluck('hour')
    return { days: parseDays(stored), outdated: new Set(outdated) }
  } catch (error) {
    if (hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR'])) return { days: new Map(), outdated: new Set() }
    throw error
  }
}

/** The days or rows of one statement. */
const batchSize = 50

/** Rows to save, and the days of sites that have no rows left. */
export interface DayChanges {
  readonly changed: readonly StoredDay[]
  readonly empty: readonly StoredDay[]
}

/** Compares the counts of all sites in some hours with the stored ones. */
export async function computeDayChanges(
  database: Knex,
  tableName: string,
  hours: ReadonlySet<number>,
  counts: readonly FlagHour[],
): Promise<DayChanges> {
  const table = getRollupTableNames(tableName).flagDays
  const hoursByDay = Map.groupBy(hours, toDay)
  const countsByDay = Map.groupBy(counts, ({ hour }) => toDay(hour))
  const days = [...hoursByDay.keys()]
  const changed: StoredDay[] = []
  const empty: StoredDay[] = []
  for (let first = 0; first < days.length; first += batchSize) {
    const batch = days.slice(first, first + batchSize)
    const stored: StoredDay[] = await database(table).whereIn('day', batch)
    const storedByDay = Map.groupBy(stored, ({ day }) => day)
    for (const day of batch) {
      const request = { day, hours: hoursByDay.get(day) ?? [], counts: countsByDay.get(day) ?? [] }
      const changes = replaceHours(request, storedByDay.get(day) ?? [])
      changed.push(...changes.changed)
      empty.push(...changes.empty)
    }
  }
  return { changed, empty }
}

const toDay = (hour: number) => Math.floor(hour / hoursPerDay)

interface HoursOfDay {
  readonly day: number
  readonly hours: readonly number[]
  readonly counts: readonly FlagHour[]
}

/** Replaces the counts of a day in some hours. */
function replaceHours({ day, hours, counts }: HoursOfDay, stored: readonly StoredDay[]): DayChanges {
  const storedCounts = new Map(stored.map((each) => [each.site, each.counts]))
  const days = parseDays(stored)
  const countsBySite = Map.groupBy(counts, ({ site }) => site)
  const changed: StoredDay[] = []
  const empty: StoredDay[] = []
  for (const site of new Set([...storedCounts.keys(), ...countsBySite.keys()])) {
    const flagDay = days.get(toDayKey({ site, day })) ?? createFlagDay()
    const counted = new Map(countsBySite.get(site)?.map((each) => [each.hour, each]))
    for (const hour of hours)
      for (const name of ['rows', ...rowFlags] as const)
        flagDay[name][hour % hoursPerDay] = counted.get(hour)?.[name] ?? 0
    const row = { site, day, counts: JSON.stringify(flagDay) }
    if (flagDay.rows.every((count) => count === 0)) empty.push(row)
    else if (row.counts !== storedCounts.get(site)) changed.push(row)
  }
  return { changed, empty }
}

export async function saveDayChanges(
  transaction: Knex.Transaction,
  tableName: string,
  { changed, empty }: DayChanges,
): Promise<void> {
  const table = getRollupTableNames(tableName).flagDays
  for (let first = 0; first < changed.length; first += batchSize)
    await transaction(table)
      .insert(changed.slice(first, first + batchSize))
      .onConflict(['day', 'site'])
      .merge(['counts'])
  for (let first = 0; first < empty.length; first += batchSize) {
    const keys = empty.slice(first, first + batchSize).map(({ day, site }) => [day, site])
    await transaction(table).whereIn(['day', 'site'], keys).delete()
  }
}

function parseDays(stored: readonly StoredDay[]): Map<string, FlagDay> {
  const days = new Map<string, FlagDay>()
  for (const { counts, ...key } of stored) {
    const { data } = flagDaySchema.safeParse(parseJson(counts))
    if (data) days.set(toDayKey(key), data)
  }
  return days
}
