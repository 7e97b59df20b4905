import type { Knex } from 'knex'
import { z } from 'zod'
import { dayMs } from '../../domain/durations.ts'
import { parseJson } from '../../domain/text/parseJson.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { EpochSpan } from './epochSpan.ts'
import { getRollupTableNames } from './rollupTables.ts'
import { countRows, type RowSelection } from './rowCounts.ts'

/** The flags that are counted from rows. The rollup counts the others: they are a reason and a kind of evidence. */
export const rowFlags = ['review', 'skew', 'late', 'conflict', 'corrected', 'burst'] as const
export type RowFlag = (typeof rowFlags)[number]

const countSchema = z.int().nonnegative()
const flagDaySchema = z.object({
  rows: countSchema,
  review: countSchema,
  skew: countSchema,
  late: countSchema,
  conflict: countSchema,
  corrected: countSchema,
  burst: countSchema,
})

/** The number of rows of a site and a day (UTC), and of those with each flag. */
export type FlagDay = z.output<typeof flagDaySchema>

/** Identifies a site and a day. */
export const toDayKey = ({ site, day }: { readonly site: string; readonly day: number }) => `${day} ${site}`

/**
 * Reads the stored counts of sites and days. Days without stored counts, and damaged ones, are missing,
 * and so are all if the account is not allowed to read them.
 *
 * @returns the counts by `toDayKey`.
 */
export async function readFlagDays(
  transaction: Knex.Transaction,
  tableName: string,
  sites: readonly string[],
  { from, to }: EpochSpan,
): Promise<ReadonlyMap<string, FlagDay>> {
  let stored: { site: string; day: number; counts: string }[] = []
  try {
    stored = await transaction(getRollupTableNames(tableName).flagDays)
      .whereIn('site', sites)
      .where('day', '>=', Math.floor(from / dayMs))
      .where('day', '<', Math.ceil(to / dayMs))
  } catch (error) {
    if (!hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR'])) throw error
  }
  const days = new Map<string, FlagDay>()
  for (const { counts, ...key } of stored) {
    const { data } = flagDaySchema.safeParse(parseJson(counts))
    if (data) days.set(toDayKey(key), data)
  }
  return days
}

/** Saves the counts of sites on a day. */
export async function saveFlagDays(
  transaction: Knex.Transaction,
  tableName: string,
  day: number,
  counts: ReadonlyMap<string, FlagDay>,
): Promise<void> {
  if (counts.size === 0) return
  await transaction(getRollupTableNames(tableName).flagDays)
    .insert([...counts].map(([site, each]) => ({ site, day, counts: JSON.stringify(each) })))
    .onConflict(['site', 'day'])
    .merge(['counts'])
}

/**
 * Lists the sites and days whose counts rows change: those of the rows, and of the rows that they correct.
 *
 * @param ids selects the ids of the rows, given the column of the id.
 */
export async function listChangedDays(
  connection: Knex,
  tableName: string,
  ids: (query: Knex.QueryBuilder, column: string) => void,
): Promise<{ readonly site: string; readonly day: number }[]> {
  const selections: readonly RowSelection[] = [
    { from: 'newest', selectRows: (query) => ids(query, 'a.id') },
    { from: 'superseded', selectRows: (query) => ids(query, 's.id') },
  ]
  const days = []
  for (const selection of selections)
    days.push(...(await countRows(connection, tableName, ['day', 'site'], selection)))
  return days
}
