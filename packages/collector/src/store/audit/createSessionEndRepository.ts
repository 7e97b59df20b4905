import type { Knex } from 'knex'
import type { Cursor } from '../../reading/cursor.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import type { SessionEndRepository } from '../../reading/sessionEndRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs, queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { addDetails } from './addDetails.ts'
import { selectedColumns, toSessionEnd } from './auditColumns.ts'
import { excludeSelftests } from './excludeSelftests.ts'
import { filterRows } from './filterRows.ts'
import { followSessionEnds } from './followSessionEnds.ts'
import { selectCurrent } from './selectCurrent.ts'

/** The page size of `readPages`. Larger pages are hardly faster. */
const rowsPerPage = 500

export function createSessionEndRepository(auditDatabase: AuditDatabase): SessionEndRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  const read = async (query: Knex.QueryBuilder) =>
    addDetails(knex, tableName, (await query).map(toSessionEnd))

  async function readMaxId(): Promise<number> {
    const row = await knex(tableName).max('id as id').first()
    return Number(row?.id ?? 0)
  }

  const readPage: SessionEndRepository['readPage'] = (selection, { limit, after }) =>
    run(queryDeadlineMs, async () => {
      const upToId = after?.upToId ?? (await readMaxId())
      // One row more shows whether there is a next page.
      const found = await selectPage(knex, tableName, selection, { limit: limit + 1, after, upToId })
      const rows = await addDetails(knex, tableName, found.slice(0, limit).map(toSessionEnd))
      const last = rows.at(-1)
      const next =
        last && found.length > limit ? { detectedAt: last.detectedAt, id: last.id, upToId } : undefined
      return { rows, next }
    })

  return {
    readPage,
    async *readPages(selection, after) {
      let cursor = after
      do {
        const { rows, next } = await readPage(selection, { limit: rowsPerPage, after: cursor })
        if (rows.length > 0) yield rows
        cursor = next
      } while (cursor)
    },
    find: (id) =>
      run(lookupDeadlineMs, async () => {
        const [row, ...earlierRevisions] = await read(selectHistory(knex, tableName, id))
        return row && { ...row, earlierRevisions }
      }),
    follow: (selection, options) =>
      followSessionEnds(
        {
          readMaxId: () => run(lookupDeadlineMs, readMaxId),
          readIdsAbove: (id) =>
            run(queryDeadlineMs, () => knex(tableName).where('id', '>', id).orderBy('id').pluck('id')),
          readNewest: async (limit) => (await readPage(selection, { limit })).rows,
          readByIds: (ids) => run(queryDeadlineMs, () => read(selectNew(knex, tableName, selection, ids))),
        },
        options,
      ),
  }
}

const prefixedColumns = Object.fromEntries(
  Object.entries(selectedColumns).map(([name, column]) => [name, `a.${column}`]),
)

interface SelectedPage {
  readonly limit: number
  readonly after: Cursor | undefined
  readonly upToId: number
}

function selectPage(
  database: Knex,
  tableName: string,
  { revisions, selftests, ...filter }: SessionEndSelection,
  { limit, after, upToId }: SelectedPage,
): Knex.QueryBuilder {
  const query = database({ a: tableName })
    .select(prefixedColumns)
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    // The sum keeps databases from reading by id, which would be slow.
    .whereRaw('a.id + 0 <= ?', [upToId])
    .orderBy([
      { column: 'a.detected_at', order: 'desc' },
      { column: 'a.id', order: 'desc' },
    ])
    .limit(limit)
  if (revisions !== 'all') query.modify(selectCurrent, tableName, upToId)
  if (selftests !== 'include') query.modify(excludeSelftests)
  if (after) {
    const detectedAt = toStoredTime(database, after.detectedAt)
    // Equivalent to (detected_at, id) < (…), which the databases cannot use to seek in the index: on a large table it
    // took 93 ms where this form took 1 ms.
    query
      .where('a.detected_at', '<=', detectedAt)
      .where((either) => either.where('a.detected_at', '<', detectedAt).orWhere('a.id', '<', after.id))
  }
  return query
}

/** Selects those of the rows that match, or that correct a row that matches: whoever has read that must learn of it. */
function selectNew(
  database: Knex,
  tableName: string,
  { revisions: _, selftests, ...filter }: SessionEndSelection,
  ids: readonly number[],
): Knex.QueryBuilder {
  const query = database({ a: tableName })
    .select(prefixedColumns)
    .leftJoin({ c: tableName }, 'c.id', 'a.supersedes')
    .whereIn('a.id', ids)
    .where((either) => {
      for (const alias of ['a', 'c'])
        either.orWhere((row) =>
          row.whereNotNull(`${alias}.id`).modify(filterRows, { database, tableName, alias }, filter),
        )
    })
    .orderBy('a.id')
  // A self-test corrects no row.
  return selftests === 'include' ? query : query.modify(excludeSelftests)
}

/** Selects a row and those that it corrects, newest first. */
function selectHistory(database: Knex, tableName: string, id: number): Knex.QueryBuilder {
  return (
    database
      .withRecursive('history', ['id', 'supersedes'], (history) => {
        history
          .select('id', 'supersedes')
          .from(tableName)
          .where({ id })
          // `union` without `all` also ends if somebody has changed the rows so that they form a circle.
          .union((earlier) => {
            earlier
              .select('e.id', 'e.supersedes')
              .from({ e: tableName })
              .join('history', 'history.supersedes', 'e.id')
          })
      })
      .from('history')
      .join({ a: tableName }, 'a.id', 'history.id')
      .select(prefixedColumns)
      // The row itself comes first even if a cluster did not assign ids in order.
      .orderByRaw('case when a.id = ? then 0 else 1 end', [id])
      .orderBy('a.revision', 'desc')
  )
}
