import type { Knex } from 'knex'
import { dayMs } from '../../domain/durations.ts'
import { StorageError } from '../../domain/storageError.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { DeadlineError } from '../../lifecycle/withinDeadline.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { countByRollup } from '../rollup/countByRollup.ts'
import { selectSelftests } from './excludeSelftests.ts'
import { filterRows } from './filterRows.ts'
import { selectCurrent } from './selectCurrent.ts'

/**
 * Counts the rows of a selection.
 *
 * @returns null if it takes too long.
 */
export async function countSessionEnds(
  auditDatabase: AuditDatabase,
  selection: SessionEndSelection,
): Promise<number | null> {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  const snapshot = isSqlite(knex) ? {} : ({ isolationLevel: 'repeatable read' } as const)
  try {
    return await run(partDeadlineMs, (signal) =>
      knex.transaction(
        async (transaction) =>
          (await countQuickly(transaction, tableName, selection, signal)) ??
          (await countRows(transaction, tableName, selection, signal)),
        snapshot,
      ),
    )
  } catch (error) {
    if (error instanceof StorageError && isTimeout(error.cause)) return null
    throw error
  }
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof DeadlineError || hasErrorCode(cause, ['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT'])
}

/** No row is dated after its receipt. The clocks of the collector and the database may differ. */
const maxClockDifferenceMs = dayMs

/** @returns undefined if the selection has rows that the rollup does not count. */
async function countQuickly(
  transaction: Knex.Transaction,
  tableName: string,
  { revisions, selftests, ...filter }: SessionEndSelection,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (revisions === 'all' || selftests === 'include') return undefined
  const from = filter.from?.getTime() ?? 0
  const to = filter.to?.getTime() ?? Date.now() + maxClockDifferenceMs
  return countByRollup({ transaction, tableName, filter, signal }, { from, to })
}

/**
 * Counts the rows themselves. Self-tests are few, and are counted by themselves: whether a row is one is in no index, so
 * the database would have to read each row.
 */
async function countRows(
  transaction: Knex.Transaction,
  tableName: string,
  { revisions, selftests, ...filter }: SessionEndSelection,
  signal: AbortSignal,
): Promise<number> {
  const select = () => {
    const query = transaction({ a: tableName }).modify(
      filterRows,
      { database: transaction, tableName, alias: 'a' },
      filter,
    )
    return revisions === 'all' ? query : query.modify(selectCurrent, tableName)
  }
  const total = await readCount(select())
  if (selftests === 'include') return total
  signal.throwIfAborted()
  return total - (await readCount(select().modify(selectSelftests)))
}

async function readCount(query: Knex.QueryBuilder): Promise<number> {
  const [result] = await query.count({ rows: '*' })
  return Number(result?.rows)
}
