import type { Knex } from 'knex'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { filterRows } from '../audit/filterRows.ts'
import { matchFlag } from '../audit/flagConditions.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { selectSpans } from '../audit/selectSpans.ts'
import { limitTime } from '../database/limitTime.ts'
import type { EpochSpan } from './epochSpan.ts'
import { type FlagHour, type RowFlag, rowFlags } from './flagDays.ts'
import { selectGroup } from './rowCounts.ts'

export interface FlagRequest {
  /** Selects the rows. Bursts are looked for in its time span. */
  readonly filter: SessionEndFilter
  /** Only rows that were detected in one of these, if set. They start and end with a minute. */
  readonly spans?: readonly EpochSpan[]
  readonly timeLimitMs?: number
}

/** Counts the rows that have a flag. */
export async function countFlaggedRows(
  database: Knex,
  tableName: string,
  flag: RowFlag,
  request: FlagRequest,
): Promise<number> {
  const { sql, values } = matchFlag(flag, { database, tableName, alias: 'a' }, request.filter)
  const [found] = await selectFlagRows(database, tableName, request, (query) =>
    // It is checked first, because few rows have a flag.
    query.whereRaw(`(${sql})`, [...values]),
  ).count({ count: '*' })
  return Number(found?.count ?? 0)
}

/** Counts the rows with each flag, by site and hour. */
export async function countFlagHours(
  database: Knex,
  tableName: string,
  request: FlagRequest,
): Promise<FlagHour[]> {
  const rows = { database, tableName, alias: 'a', spans: request.spans }
  const columns = rowFlags.map((flag) => {
    const { sql, values } = matchFlag(flag, rows, request.filter)
    return database.raw(`sum(case when ${sql} then 1 else 0 end) as ??`, [...values, flag])
  })
  const found: { readonly site: string; readonly [name: string]: unknown }[] = await selectFlagRows(
    database,
    tableName,
    request,
    () => {},
  )
    .select('a.site', selectGroup(database, 'hour'), ...columns)
    .count({ rows: '*' })
    // By number, because a group can have the name of a column.
    .groupByRaw('1, 2')
  return found.map(({ site, ...counts }) => {
    // MySQL returns sums as text.
    const count = (name: keyof FlagHour) => Number(counts[name])
    return {
      site,
      hour: count('hour'),
      rows: count('rows'),
      review: count('review'),
      skew: count('skew'),
      late: count('late'),
      conflict: count('conflict'),
      correction: count('correction'),
      burst: count('burst'),
    }
  })
}

function selectFlagRows(
  database: Knex,
  tableName: string,
  { filter, spans, timeLimitMs }: FlagRequest,
  selectFlag: (query: Knex.QueryBuilder) => void,
): Knex.QueryBuilder {
  const query = database({ a: tableName })
  if (timeLimitMs !== undefined) limitTime(query, database, timeLimitMs)
  if (spans) query.modify(selectSpans, database, 'a', spans)
  return query
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    .modify(selectFlag)
    .modify(excludeSelftests)
    .modify(selectCurrent, tableName)
}
