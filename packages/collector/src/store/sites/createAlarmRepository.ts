import type { RefusalCount } from '../../domain/alarms/refusals.ts'
import type { Silence } from '../../domain/alarms/silence.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { getRefusalTableName, getSilenceTableName, qualify, splitTableName } from '../database/tableName.ts'

const rowsPerStatement = 100
const deletedPerStatement = 1_000

/**
 * Stores what alarms are computed from, apart from the audit.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface AlarmRepository {
  /** Adds counts of refused reports to those that are stored. Stores all or none. */
  addRefusals(counts: readonly RefusalCount[]): Promise<void>
  /** Deletes the counts of refused reports before a quarter of an hour. */
  forgetRefusals(before: number): Promise<void>
  /** Remembers that sites are silent, because their rows may be deleted. */
  saveSilences(silences: ReadonlyMap<string, Silence>): Promise<void>
  /** Forgets the silences of sites that report again. */
  forgetSilences(sites: readonly string[]): Promise<void>
}

export function createAlarmRepository(auditDatabase: AuditDatabase): AlarmRepository {
  const { knex } = auditDatabase
  const auditTable = splitTableName(auditDatabase.tableName)
  const refusals = qualify(auditTable, getRefusalTableName(auditTable.table))
  const silences = qualify(auditTable, getSilenceTableName(auditTable.table))
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    privilegeHint: `Grant INSERT, UPDATE and DELETE on the tables ${refusals} and ${silences} to the account of "lapse serve".`,
  })
  const increment = knex.raw(isSqlite(knex) ? 'count + excluded.count' : 'count + values(count)')
  return {
    addRefusals: (counts) =>
      run(lookupDeadlineMs, () =>
        runTransaction(knex, async (transaction) => {
          for (let start = 0; start < counts.length; start += rowsPerStatement)
            await transaction(refusals)
              .insert(
                counts
                  .slice(start, start + rowsPerStatement)
                  .map(({ quarterHour, ...row }) => ({ ...row, quarter_hour: quarterHour })),
              )
              .onConflict(['site', 'quarter_hour', 'kind', 'origin'])
              .merge({ count: increment })
        }),
      ),
    forgetRefusals: (before) =>
      run(lookupDeadlineMs, async () => {
        await knex(refusals)
          .where('quarter_hour', '<', before)
          .modify((query) => {
            // Short statements, so that they do not hold up others. SQLite does not support this limit.
            if (!isSqlite(knex)) query.limit(deletedPerStatement)
          })
          .delete()
      }),
    saveSilences: (found) =>
      run(lookupDeadlineMs, async () => {
        const rows = Array.from(found, ([site, { since, limitMs }]) => ({ site, since, limit_ms: limitMs }))
        if (rows.length > 0) await knex(silences).insert(rows).onConflict('site').merge()
      }),
    forgetSilences: (sites) =>
      run(lookupDeadlineMs, async () => {
        await knex(silences).whereIn('site', sites).delete()
      }),
  }
}
