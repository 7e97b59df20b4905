import type { Knex } from 'knex'
import type { SessionEndSelection } from '../../reading/filter.ts'
import type { Page, SessionEndRepository } from '../../reading/sessionEndRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs, queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { addDetails } from './addDetails.ts'
import { selectedColumns, toSessionEnd } from './auditColumns.ts'
import { followSessionEnds } from './followSessionEnds.ts'
import { selectCurrent } from './selectCurrent.ts'

/** The page size of `readPages`. Larger pages are hardly faster. */
const rowsPerPage = 500

export function createSessionEndRepository(auditDatabase: AuditDatabase): SessionEndRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  const read = async (query: Knex.QueryBuilder) =>
    addDetails(knex, tableName, (await query).map(toSessionEnd))

  const readPage: SessionEndRepository['readPage'] = (selection, page) =>
    run(queryDeadlineMs, () => read(selectPage(knex, tableName, selection, page)))

  return {
    readPage,
    async *readPages(selection, after) {
      for (let last = after; ; ) {
        const sessionEnds = await readPage(selection, { limit: rowsPerPage, after: last })
        if (sessionEnds.length > 0) yield sessionEnds
        last = sessionEnds.at(-1)
        if (sessionEnds.length < rowsPerPage) return
      }
    },
    find: (id) =>
      run(lookupDeadlineMs, async () => {
        const [row, ...earlierRevisions] = await read(selectHistory(knex, tableName, id))
        return row && { ...row, earlierRevisions }
      }),
    follow: (selection, options) =>
      followSessionEnds(
        {
          readMaxId: () =>
            run(lookupDeadlineMs, async () => {
              const row = await knex(tableName).max('id as id').first()
              return Number(row?.id ?? 0)
            }),
          readIdsAbove: (id) =>
            run(queryDeadlineMs, () => knex(tableName).where('id', '>', id).orderBy('id').pluck('id')),
          readNewest: (limit) => readPage(selection, { limit }),
          readByIds: (ids) =>
            run(queryDeadlineMs, () =>
              read(
                selectMatching(knex, tableName, { ...selection, revisions: 'all' })
                  .whereIn('a.id', ids)
                  .orderBy('a.id'),
              ),
            ),
        },
        options,
      ),
  }
}

const prefixedColumns = Object.fromEntries(
  Object.entries(selectedColumns).map(([name, column]) => [name, `a.${column}`]),
)

function selectMatching(
  database: Knex,
  tableName: string,
  { from, to, revisions, ...equalTo }: SessionEndSelection,
): Knex.QueryBuilder {
  const query = database({ a: tableName }).select(prefixedColumns)
  for (const [column, value] of Object.entries(equalTo))
    if (value !== undefined) query.where(`a.${column}`, value)
  if (from) query.where('a.detected_at', '>=', toStoredTime(database, from))
  if (to) query.where('a.detected_at', '<', toStoredTime(database, to))
  if (revisions !== 'all') query.modify(selectCurrent, tableName)
  return query
}

function selectPage(
  database: Knex,
  tableName: string,
  selection: SessionEndSelection,
  { limit, after }: Page,
): Knex.QueryBuilder {
  const query = selectMatching(database, tableName, selection)
    .orderBy([
      { column: 'a.detected_at', order: 'desc' },
      { column: 'a.id', order: 'desc' },
    ])
    .limit(limit)
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
