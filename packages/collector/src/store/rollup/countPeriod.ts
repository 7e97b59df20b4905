import type { Knex } from 'knex'
import { dayMs, hourMs, quarterHourMs } from '../../domain/durations.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import type { Term } from '../../reading/search/parseSearch.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import { Tally } from '../../reading/tally.ts'
import { filterRows } from '../audit/filterRows.ts'
import type { EpochSpan } from './epochSpan.ts'
import { addRollupDays, type Rollup, readRollup } from './readRollup.ts'
import { countRows, countSteps, type SelectRows } from './rowCounts.ts'
import { listAll, listUncounted } from './uncountedRows.ts'

/** What all queries of a summary need. */
export interface SummaryContext {
  readonly transaction: Knex.Transaction
  readonly tableName: string
  readonly filter: SessionEndFilter
  /** Aborted when the caller no longer waits. The remaining queries would keep a connection busy. */
  readonly signal: AbortSignal
}

/** Counts by time, and by site. */
export interface PeriodTallies {
  readonly tally: Tally
  readonly siteTally: Tally | null
  /** The counts of the rollup, if it was used. */
  readonly rollup: Rollup | undefined
}

/** Counts the rows of a period. Counts come from the rollup where possible, otherwise from the rows. */
export async function countPeriod(context: SummaryContext, period: Period): Promise<PeriodTallies> {
  const { transaction, tableName, filter, signal } = context
  const span = { from: period.from.getTime(), to: period.to.getTime() }
  const tally = new Tally(period.starts)
  const siteTally = new Tally([Number.NEGATIVE_INFINITY])
  // Since 1972, every time zone's offset from UTC is a multiple of 15 minutes.
  const unit = findUnit(period.starts)
  const rollupFilter = unit === 'second' ? undefined : toRollupFilter(filter)
  const rollup = rollupFilter && (await readRollup(transaction, tableName, rollupFilter, span))
  if (rollup) {
    addRollupDays(rollup.total, span, tally)
    addRollupDays(rollup.sites ?? [], span, siteTally)
  }
  const selectSpan = (part: EpochSpan) => selectRowsIn(context, part)
  const listRest = (unitMs: number) =>
    rollup
      ? listUncounted(tableName, rollup.progress, span, unitMs, selectSpan)
      : listAll(tableName, selectSpan(span), isSelective(filter))

  for (const { sign, ...selection } of listRest(quarterHourMs).rows) {
    signal.throwIfAborted()
    const counts = await countRows(transaction, tableName, [unit, 'site', 'reason', 'evidence'], selection)
    for (const { [unit]: start, count, ...kind } of counts)
      for (const each of [tally, siteTally]) each.add(start * unitsMs[unit], kind, sign * count)
  }
  const { rows, returns } = listRest(dayMs)
  for (const { sign, ...selection } of [...rows, ...returns]) {
    signal.throwIfAborted()
    for (const { step, site, count } of await countSteps(transaction, tableName, ['site'], selection))
      for (const each of [tally, siteTally]) each.addPastLimit(site, step, sign * count)
  }
  return { tally, siteTally: rollup?.sites === null ? null : siteTally, rollup }
}

/** Selects the matching rows `a` of a time span. */
export function selectRowsIn(
  { transaction, tableName, filter }: Omit<SummaryContext, 'signal'>,
  { from, to }: EpochSpan,
): SelectRows {
  const rows = { database: transaction, tableName, alias: 'a' }
  return (query) => void query.modify(filterRows, rows, { ...filter, from: new Date(from), to: new Date(to) })
}

/** Returns whether few rows match, in any period. */
export function isSelective({ subject, session, search }: SessionEndFilter): boolean {
  const isExact = ({ key, values, isExcluded }: Term) =>
    selectiveKeys.includes(key) && !isExcluded && values.every(({ isPrefix }) => !isPrefix)
  return subject !== undefined || session !== undefined || (search?.terms.some(isExact) ?? false)
}

const selectiveKeys: readonly Term['key'][] = ['user', 'session', 'any']

/** The length of the units by which rows are counted. */
const unitsMs = { hour: hourMs, quarterHour: quarterHourMs, second: 1000 } as const

/** Finds the longest unit that all buckets consist of. */
function findUnit(starts: readonly number[]): keyof typeof unitsMs {
  if (starts.every((start) => start % hourMs === 0)) return 'hour'
  return starts.every((start) => start % quarterHourMs === 0) ? 'quarterHour' : 'second'
}
