import { quarterHourMs } from '../../domain/durations.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import { Tally } from '../../reading/tally.ts'
import { type SummaryContext, selectRowsIn } from './countPeriod.ts'
import type { EpochSpan } from './epochSpan.ts'
import { addRollupDays, readRollup } from './readRollup.ts'
import { countRows } from './rowCounts.ts'
import { listUncounted } from './uncountedRows.ts'

/**
 * Counts the current rows of a time span, without self-tests, by the rollup.
 *
 * @returns undefined if the filter depends on properties that the rollup does not have, or if there is no rollup.
 */
export async function countByRollup(context: SummaryContext, span: EpochSpan): Promise<number | undefined> {
  const { transaction, tableName, filter, signal } = context
  const rollupFilter = toRollupFilter(filter)
  const rollup = rollupFilter && (await readRollup(transaction, tableName, rollupFilter, span))
  if (!rollup) return undefined
  const tally = new Tally([Number.NEGATIVE_INFINITY])
  addRollupDays(rollup.total, span, tally)
  let total = tally.totals.ended
  const { rows } = listUncounted(tableName, rollup.progress, span, quarterHourMs, (part) =>
    selectRowsIn(context, part),
  )
  for (const { sign, ...selection } of rows) {
    signal.throwIfAborted()
    for (const { count } of await countRows(transaction, tableName, ['reason'], selection))
      total += sign * count
  }
  return total
}
