import type { Knex } from 'knex'
import { dayMs, hourMs, quarterHourMs } from '../../domain/durations.ts'
import type { SessionEndFilter, TimeSpan } from '../../reading/filter.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import { Tally } from '../../reading/tally.ts'
import { toStoredTime } from '../database/storedTime.ts'
import type { EpochSpan } from './epochSpan.ts'
import { addRollupDays, readRollup } from './readRollup.ts'
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
  return { tally, siteTally: rollup?.sites === null ? null : siteTally }
}

/** Selects the matching rows `a` of a time span. */
export function selectRowsIn(
  { transaction, filter: { from: _, to: __, ...equalTo } }: SummaryContext,
  { from, to }: EpochSpan,
): SelectRows {
  return (query) => {
    for (const [column, value] of Object.entries(equalTo))
      if (value !== undefined) query.where(`a.${column}`, value)
    query
      .where('a.detected_at', '>=', toStoredTime(transaction, new Date(from)))
      .where('a.detected_at', '<', toStoredTime(transaction, new Date(to)))
  }
}

/** Returns whether few rows match, in any period. */
function isSelective({ subject, session }: Omit<SessionEndFilter, keyof TimeSpan>): boolean {
  return subject !== undefined || session !== undefined
}

/** The length of the units by which rows are counted. */
const unitsMs = { hour: hourMs, quarterHour: quarterHourMs, second: 1000 } as const

/** Finds the longest unit that all buckets consist of. */
function findUnit(starts: readonly number[]): keyof typeof unitsMs {
  if (starts.every((start) => start % hourMs === 0)) return 'hour'
  return starts.every((start) => start % quarterHourMs === 0) ? 'quarterHour' : 'second'
}
