import type { Knex } from 'knex'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { filterRows } from '../audit/filterRows.ts'
import { matchFlag } from '../audit/flagConditions.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { limitTime } from '../database/limitTime.ts'
import { type FlagDay, type RowFlag, rowFlags } from './flagDays.ts'

export interface FlagRequest {
  /** Selects the rows. Bursts are looked for in its time span. */
  readonly filter: SessionEndFilter
  readonly timeLimitMs: number | undefined
}

/** Counts the rows that have a flag. */
export async function countFlaggedRows(
  database: Knex,
  tableName: string,
  flag: RowFlag,
  { filter, timeLimitMs }: FlagRequest,
): Promise<number> {
  const { sql, values } = matchFlag(flag, { database, tableName, alias: 'a' }, filter)
  const [found] = await selectFlagRows(database, tableName, { filter, timeLimitMs }, (query) =>
    // It is checked first, because few rows have a flag.
    query.whereRaw(`(${sql})`, [...values]),
  ).count({ count: '*' })
  return Number(found?.count ?? 0)
}

/** Counts the rows with each flag, by site. */
export async function countFlagsBySite(
  database: Knex,
  tableName: string,
  request: FlagRequest,
): Promise<Map<string, FlagDay>> {
  const columns = rowFlags.map((flag) => {
    const { sql, values } = matchFlag(flag, { database, tableName, alias: 'a' }, request.filter)
    return database.raw(`sum(case when ${sql} then 1 else 0 end) as ??`, [...values, flag])
  })
  const found: { site: string; [flag: string]: unknown }[] = await selectFlagRows(
    database,
    tableName,
    request,
    () => {},
  )
    .select('a.site', ...columns)
    .count({ rows: '*' })
    .groupBy('a.site')
  return new Map(
    found.map(({ site, ...counts }) => {
      // MySQL returns sums as text.
      const count = (name: keyof FlagDay) => Number(counts[name])
      return [
        site,
        {
          rows: count('rows'),
          review: count('review'),
          skew: count('skew'),
          late: count('late'),
          conflict: count('conflict'),
          corrected: count('corrected'),
          burst: count('burst'),
        },
      ]
    }),
  )
}

function selectFlagRows(
  database: Knex,
  tableName: string,
  { filter, timeLimitMs }: FlagRequest,
  selectFlag: (query: Knex.QueryBuilder) => void,
): Knex.QueryBuilder {
  const query = database({ a: tableName })
  if (timeLimitMs !== undefined) limitTime(query, database, timeLimitMs)
  return query
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    .modify(selectFlag)
    .modify(excludeSelftests)
    .modify(selectCurrent, tableName)
}
