import type { Knex } from 'knex'
import { StorageError } from '../../domain/storageError.ts'
import { DeadlineError } from '../../lifecycle/withinDeadline.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { isTimeout, limitTime } from '../database/limitTime.ts'
import { createOperationRunner } from '../database/operations.ts'
import { countSelection } from '../rollup/countSelection.ts'
import { selectSelftests } from './excludeSelftests.ts'
import { filterRows } from './filterRows.ts'
import { selectCurrent } from './selectCurrent.ts'

/**
 * Counts the rows of a selection.
 *
 * Counts come from the rollup where possible. Otherwise, corrected rows and self-tests are few, so they are counted
 * separately and subtracted. Looking at each of a million rows for its correction took three to five times as long, and
 * whether a row is a self-test is in no index.
 *
 * @returns null if it takes too long.
 */
export async function countSessionEnds(
  auditDatabase: AuditDatabase,
  selection: SessionEndSelection,
): Promise<number | null> {
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  try {
    return await run(partDeadlineMs, async (signal) => {
      const counted = await countFromRollup(auditDatabase, selection, signal)
      if (counted !== undefined) return counted
      let total = 0
      for (const { sign, query } of listCounts(auditDatabase, selection)) {
        signal.throwIfAborted()
        const [result] = await query.count({ rows: '*' })
        total += sign * Number(result?.rows)
      }
      return total
    })
  } catch (error) {
    const { cause } = error instanceof StorageError ? error : {}
    if (cause instanceof DeadlineError || isTimeout(cause)) return null
    throw error
  }
}

/** @returns undefined if the rollup does not count the rows that the list shows. */
async function countFromRollup(
  { knex, tableName }: AuditDatabase,
  { revisions, selftests, ...filter }: SessionEndSelection,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (revisions === 'all' || selftests === 'include') return undefined
  return countSelection(knex, tableName, filter, signal)
}

interface Count {
  readonly sign: 1 | -1
  readonly query: Knex.QueryBuilder
}

function listCounts(
  { knex, tableName }: AuditDatabase,
  { revisions, selftests, ...filter }: SessionEndSelection,
): Count[] {
  const showsCorrected = revisions === 'all'
  const select = (source: Knex.Raw) =>
    limitTime(knex.from(source), knex, partDeadlineMs).modify(
      filterRows,
      { database: knex, tableName, alias: 'a' },
      filter,
    )
  const rows = knex.raw('?? as a', [tableName])
  // By the rows that supersede them.
  const join = isSqlite(knex) ? 'cross join' : 'straight_join'
  const corrected = knex.raw(`?? as s ${join} ?? as a on a.id = s.supersedes`, [tableName, tableName])
  const counts: Count[] = [{ sign: 1, query: select(rows) }]
  if (!showsCorrected) counts.push({ sign: -1, query: select(corrected).where('s.supersedes', '>', 0) })
  if (selftests !== 'include') {
    const query = select(rows).modify(selectSelftests)
    if (!showsCorrected) query.modify(selectCurrent, tableName)
    counts.push({ sign: -1, query })
  }
  return counts
}
