import type { Knex } from 'knex'
import { dayMs, quarterHourMs } from '../../domain/durations.ts'
import type { SessionEndFilter, TimeSpan } from '../../reading/filter.ts'
import type { SummaryRepository } from '../../reading/summaryRepository.ts'
import type { Tally } from '../../reading/tally.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { toStoredTime } from '../database/storedTime.ts'
import type { EpochSpan } from './epochSpan.ts'
import { addRollupDays, readRollup } from './readRollup.ts'
import { allSites } from './rollupDay.ts'
import { countRows, countSteps, type SelectRows } from './rowCounts.ts'
import { listAll, listUncounted } from './uncountedRows.ts'

export function createSummaryRepository(auditDatabase: AuditDatabase): SummaryRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    summarize: (filter, tally) =>
      run(queryDeadlineMs, (signal) => summarize(knex, tableName, filter, tally, signal)),
  }
}

/**
 * Adds the matching rows to the tally. Counts come from the rollup where possible, otherwise from the rows. One
 * transaction makes all counts consistent.
 */
function summarize(
  database: Knex,
  tableName: string,
  { from, to, ...equalTo }: SessionEndFilter & TimeSpan,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const span = { from: from.getTime(), to: to.getTime() }
  // Since 1972, every time zone's offset from UTC is a multiple of 15 minutes.
  const usesQuarterHours = tally.starts.every((start) => start % quarterHourMs === 0)
  const areFew = equalTo.subject !== undefined || equalTo.session !== undefined
  const usesRollup = usesQuarterHours && !areFew
  // SQLite has only one isolation level. For MySQL, `readOnly` would make knex write a statement that the server rejects.
  const snapshot = isSqlite(database) ? { readOnly: true } : ({ isolationLevel: 'repeatable read' } as const)

  return database.transaction(async (transaction) => {
    const selectDays = selectEqual({ ...equalTo, site: equalTo.site ?? allSites }, '')
    const rollup = usesRollup ? await readRollup(transaction, tableName, selectDays, span) : undefined
    const selectSpan =
      (part: EpochSpan): SelectRows =>
      (query) =>
        void query
          .modify(selectEqual(equalTo, 'a.'))
          .where('a.detected_at', '>=', toStoredTime(database, new Date(part.from)))
          .where('a.detected_at', '<', toStoredTime(database, new Date(part.to)))
    const listRest = (unitMs: number) =>
      rollup
        ? listUncounted(tableName, rollup, span, unitMs, selectSpan)
        : listAll(tableName, selectSpan(span), areFew)

    if (rollup) addRollupDays(rollup.days, span, tally)
    const unit = usesQuarterHours ? 'quarterHour' : 'second'
    for (const { sign, ...selection } of listRest(quarterHourMs).rows) {
      // The caller no longer waits, and the remaining queries would keep a connection busy.
      signal.throwIfAborted()
      const counts = await countRows(transaction, tableName, [unit, 'reason'], selection)
      for (const { [unit]: start, reason, count } of counts)
        tally.add(start * unitsMs[unit], reason, sign * count)
    }
    const { rows, returns } = listRest(dayMs)
    for (const { sign, ...selection } of [...rows, ...returns]) {
      signal.throwIfAborted()
      for (const { step, count } of await countSteps(transaction, tableName, [], selection))
        tally.addPastLimit(step, sign * count)
    }
  }, snapshot)
}

/** Selects rows whose columns have these values. Undefined values are ignored. */
function selectEqual(columns: Omit<SessionEndFilter, keyof TimeSpan>, prefix: string): SelectRows {
  return (query) => {
    for (const [column, value] of Object.entries(columns))
      if (value !== undefined) query.where(`${prefix}${column}`, value)
  }
}

/** The length of the units by which rows are counted. */
const unitsMs = { quarterHour: quarterHourMs, second: 1000 } as const
