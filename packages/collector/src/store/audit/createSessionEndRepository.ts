import type { Knex } from 'knex'
import { type Cursor, createCursor } from '../../reading/cursor.ts'
import type { SessionEndFilter, SessionEndSelection } from '../../reading/filter.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { SessionEndRepository } from '../../reading/sessionEndRepository.ts'
import { defaultSort, type Sort } from '../../reading/sort.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs, queryDeadlineMs } from '../database/deadlines.ts'
import { checkTime } from '../database/limitTime.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readSites } from '../database/readSites.ts'
import { readTime } from '../database/storedTime.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'
import { addDetails } from './addDetails.ts'
import { prefixedColumns, toSessionEnd } from './auditColumns.ts'
import { countSessionEnds } from './countSessionEnds.ts'
import { excludeSelftests } from './excludeSelftests.ts'
import { dropUnrelatedCorrections, filterRowsOrCorrections } from './filterCorrections.ts'
import { filterRows } from './filterRows.ts'
import { followSessionEnds } from './followSessionEnds.ts'
import { selectCurrent } from './selectCurrent.ts'
import { sortRows, startAfter } from './sortRows.ts'

/** The page size of `readPages`. Larger pages are hardly faster. */
const rowsPerPage = 500

/** @param counting a pool whose statements end soon: no page waits for a count. */
export function createSessionEndRepository(
  auditDatabase: AuditDatabase,
  counting: AuditDatabase,
): SessionEndRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  const read = async (query: Knex.QueryBuilder) =>
    addDetails(knex, tableName, (await query).map(toSessionEnd))

  async function readMaxId(): Promise<number> {
    const row = await knex(tableName).max('id as id').first()
    return Number(row?.id ?? 0)
  }

  const readPage: SessionEndRepository['readPage'] = (selection, { limit, after, sort = defaultSort }) =>
    run(queryDeadlineMs, async () => {
      const upToId = after?.upToId ?? (await readMaxId())
      // One row more shows whether there is a next page.
      const page = { limit: limit + 1, after, sort: after?.sort ?? sort, upToId }
      const found = await selectPage(knex, tableName, selection, page)
      const rows = await addDetails(knex, tableName, found.slice(0, limit).map(toSessionEnd))
      const last = rows.at(-1)
      return { rows, next: last && found.length > limit ? createCursor(page.sort, last, upToId) : undefined }
    })

  return {
    readPage,
    async *readPages(selection, { after, sort } = {}) {
      let cursor = after
      do {
        const { rows, next } = await readPage(selection, { limit: rowsPerPage, after: cursor, sort })
        if (rows.length > 0) yield rows
        cursor = next
      } while (cursor)
    },
    count: (selection) => countSessionEnds(counting, selection),
    readSites: () => run(lookupDeadlineMs, () => readAllSites(knex, tableName)),
    findNewest: (filter) => run(queryDeadlineMs, () => findNewest(knex, tableName, filter)),
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
          readByIds: (ids) => run(queryDeadlineMs, () => readNew(knex, tableName, selection, ids)),
        },
        options,
      ),
  }
}

/** Reads which sites have rows or live sessions. */
async function readAllSites(database: Knex, tableName: string): Promise<string[]> {
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const sites = [...(await readSites(database, tableName)), ...(await readSites(database, liveTable))]
  return [...new Set(sites)]
}

async function findNewest(
  database: Knex,
  tableName: string,
  filter: SessionEndFilter,
): Promise<Date | undefined> {
  const newest: { readonly time: Date | string } | undefined = await database({ a: tableName })
    .modify(checkTime, database)
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    .modify(excludeSelftests)
    .modify(sortRows, defaultSort)
    .first('a.detected_at as time')
  return newest && readTime(newest.time)
}

interface SelectedPage {
  readonly limit: number
  readonly after: Cursor | undefined
  readonly sort: Sort
  readonly upToId: number
}

function selectPage(
  database: Knex,
  tableName: string,
  { revisions, selftests, ...filter }: SessionEndSelection,
  { limit, after, sort, upToId }: SelectedPage,
): Knex.QueryBuilder {
  const query = database({ a: tableName })
    .select(prefixedColumns)
    .modify(checkTime, database)
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    // The sum keeps databases from reading by id, which would be slow.
    .whereRaw('a.id + 0 <= ?', [upToId])
    .modify(sortRows, sort)
    .limit(limit)
  if (revisions !== 'all') query.modify(selectCurrent, tableName, upToId)
  if (selftests !== 'include') query.modify(excludeSelftests)
  if (after) query.modify(startAfter, database, after)
  return query
}

/** Reads those of the rows that match, or that correct a row that matches. */
async function readNew(
  database: Knex,
  tableName: string,
  selection: SessionEndSelection,
  ids: readonly number[],
): Promise<ListedSessionEnd[]> {
  const tables = { database, tableName }
  const found: Record<string, unknown>[] = await database({ a: tableName })
    .select(prefixedColumns)
    .whereIn('a.id', ids)
    .modify(filterRowsOrCorrections, tables, selection)
    .orderBy('a.id')
  const rows = await dropUnrelatedCorrections(tables, selection, found)
  return addDetails(database, tableName, rows.map(toSessionEnd))
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
