import type { Knex } from 'knex'
import { quarterHourMs } from '../../domain/durations.ts'
import { maxEpochMs } from '../../domain/validation/fieldSchemas.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import { Tally } from '../../reading/tally.ts'
import { getSnapshot } from '../database/getSnapshot.ts'
import { selectRowsIn } from './countPeriod.ts'
import { addRollupDays, readRollup } from './readRollup.ts'
import { countRows } from './rowCounts.ts'
import { listUncounted } from './uncountedRows.ts'

/**
 * Counts the current rows of a filter, without self-tests, from the rollup.
 *
 * @returns undefined if they have to be counted from the rows.
 */
export async function countSelection(
  database: Knex,
  tableName: string,
  filter: SessionEndFilter,
  signal: AbortSignal,
): Promise<number | undefined> {
  const rollupFilter = toRollupFilter(filter)
  if (!rollupFilter) return undefined
  const span = { from: filter.from?.getTime() ?? 0, to: filter.to?.getTime() ?? maxEpochMs }
  return database.transaction(async (transaction) => {
    const rollup = await readRollup(transaction, tableName, rollupFilter, span, { withSites: false })
    if (!rollup) return undefined
    const tally = new Tally([Number.NEGATIVE_INFINITY])
    addRollupDays(rollup.total, span, tally)
    const selectSpan = (part: typeof span) => selectRowsIn({ transaction, tableName, filter }, part)
    const { rows } = listUncounted(tableName, rollup.progress, span, quarterHourMs, selectSpan)
    for (const { sign, ...selection } of rows) {
      signal.throwIfAborted()
      for (const { count, ...kind } of await countRows(
        transaction,
        tableName,
        ['site', 'reason', 'evidence'],
        selection,
      ))
        tally.add(0, kind, sign * count)
    }
    return tally.totals.ended
  }, getSnapshot(database))
}
