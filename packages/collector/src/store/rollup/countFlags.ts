import type { Knex } from 'knex'
import type { Flag } from '../../reading/search/flags.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import { countedFlags, type FlagCounts } from '../../reading/summaryRepository.ts'
import { requireCondition } from '../audit/conditions.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { matchFlag } from '../audit/flagConditions.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { limitTime, nullIfTooSlow } from '../database/limitTime.ts'
import { type SummaryContext, selectRowsIn } from './countPeriod.ts'

/**
 * Counts the rows that `flag:review` finds.
 *
 * @returns null if this took too long.
 */
export async function countReview(context: SummaryContext, period: Period): Promise<number | null> {
  const found = await nullIfTooSlow<{ count: number }[]>(
    selectPeriod(context, period)
      .count({ count: '*' })
      .modify(requireCondition, createCondition(context, period, 'review')),
  )
  return found && Number(found[0]?.count ?? 0)
}

/**
 * Counts the rows with each flag.
 *
 * @returns null if this took too long.
 */
export async function countFlags(context: SummaryContext, period: Period): Promise<FlagCounts | null> {
  const columns = countedFlags.map((flag) => {
    const { sql, values } = createCondition(context, period, flag)
    return context.transaction.raw(`sum(case when ${sql} then 1 else 0 end) as ??`, [...values, flag])
  })
  const found = await nullIfTooSlow<Record<string, unknown>[]>(selectPeriod(context, period).select(columns))
  // MySQL returns sums as text. A sum of no rows is null.
  const count = (flag: Flag) => Number(found?.[0]?.[flag] ?? 0)
  return (
    found && {
      clock_anomaly: count('clock_anomaly'),
      skew: count('skew'),
      late: count('late'),
      conflict: count('conflict'),
      corrected: count('corrected'),
      burst: count('burst'),
      self_reported: count('self_reported'),
    }
  )
}

function createCondition(
  { transaction, tableName, filter }: SummaryContext,
  { from, to }: Period,
  flag: Flag,
) {
  return matchFlag(flag, { database: transaction, tableName, alias: 'a' }, { ...filter, from, to })
}

function selectPeriod(context: SummaryContext, { from, to }: Period): Knex.QueryBuilder {
  const { transaction, tableName, signal } = context
  signal.throwIfAborted()
  return limitTime(transaction({ a: tableName }), transaction, partDeadlineMs)
    .modify(selectRowsIn(context, { from: from.getTime(), to: to.getTime() }))
    .modify(selectCurrent, tableName)
    .modify(excludeSelftests)
}
