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
  span: EpochSpan,
): Promise<Map<string, FlagDay>> {
  try {
    const stored: StoredDay[] = await selectDays(transaction, tableName, span).whereIn('site', sites)
    return parseDays(stored)
  } catch (error) {
    if (hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR'])) return new Map()
    throw error
  }
}

/** Replaces the counts of all sites in a part of a day. */
export async function saveFlagHours(
  transaction: Knex.Transaction,
  tableName: string,
  span: EpochSpan,
  counts: readonly FlagHour[],
): Promise<void> {
  const day = Math.floor(span.from / dayMs)
  const stored: StoredDay[] = await selectDays(transaction, tableName, span)
  const days = parseDays(stored)
  const sites = new Set([...stored, ...counts].map(({ site }) => site))
  const rows = [...sites].map((site) => {
    const flagDay = days.get(toDayKey({ site, day })) ?? createFlagDay()
    const counted = new Map(counts.filter((each) => each.site === site).map((each) => [each.hour, each]))
    for (let hour = span.from / hourMs; hour < span.to / hourMs; hour++)
      for (const name of ['rows', ...rowFlags] as const)
        flagDay[name][hour % hoursPerDay] = counted.get(hour)?.[name] ?? 0
    return { site, day, counts: JSON.stringify(flagDay) }
  })
  if (rows.length === 0) return
  await transaction(getRollupTableNames(tableName).flagDays)
    .insert(rows)
    .onConflict(['site', 'day'])
    .merge(['counts'])
}

function selectDays(transaction: Knex.Transaction, tableName: string, { from, to }: EpochSpan) {
  return transaction(getRollupTableNames(tableName).flagDays)
    .where('day', '>=', Math.floor(from / dayMs))
    .where('day', '<', Math.ceil(to / dayMs))
}

function parseDays(stored: readonly StoredDay[]): Map<string, FlagDay> {
  const days = new Map<string, FlagDay>()
  for (const { counts, ...key } of stored) {
    const { data } = flagDaySchema.safeParse(parseJson(counts))
    if (data) days.set(toDayKey(key), data)
  }
  return days
}
