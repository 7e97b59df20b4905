import type { SummaryCounts, SummaryRepository, SummaryRequest } from '../../reading/summaryRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { countGroups } from './countGroups.ts'
import { countPeriod, type SummaryContext } from './countPeriod.ts'

export function createSummaryRepository(auditDatabase: AuditDatabase): SummaryRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  // SQLite has only one isolation level. `readOnly` is not set, because knex would then write a statement that MySQL
  // rejects.
  const snapshot = isSqlite(knex) ? {} : ({ isolationLevel: 'repeatable read' } as const)
  return {
    summarize: (request) =>
      run(queryDeadlineMs, (signal) =>
        knex.transaction(
          (transaction) => summarize({ transaction, tableName, filter: request.filter, signal }, request),
          snapshot,
        ),
      ),
  }
}

/** One transaction makes all counts consistent. */
async function summarize(
  context: SummaryContext,
  { period, previous, groupBy, top }: SummaryRequest,
): Promise<SummaryCounts> {
  const current = await countPeriod(context, period)
  const before = previous && (await countPeriod(context, previous))
  const groups =
    groupBy &&
    (await countGroups(context, {
      groupBy,
      top,
      current: { ...current, ...period },
      previous: previous && before && { ...before, ...previous },
    }))
  return { current, previous: before, groups }
}
