import type { Knex } from 'knex'
import type { SessionEndFilter } from '../../reading/filter.ts'
import type { Page, SessionEndRepository } from '../../reading/sessionEndRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs, queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { selectedColumns, toSessionEnd } from './auditColumns.ts'
import { followSessionEnds } from './followSessionEnds.ts'

/** The page size of `readPages`. Larger pages are hardly faster. */
const rowsPerPage = 500

export function createSessionEndRepository(auditDatabase: AuditDatabase): SessionEndRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  const readPage: SessionEndRepository['readPage'] = (filter, page) =>
    run(queryDeadlineMs, async () => (await selectPage(knex, tableName, filter, page)).map(toSessionEnd))

  return {
    readPage,
    async *readPages(filter, after) {
      for (let last = after; ; ) {
        const sessionEnds = await readPage(filter, { limit: rowsPerPage, after: last })
        if (sessionEnds.length > 0) yield sessionEnds
        last = sessionEnds.at(-1)
        if (sessionEnds.length < rowsPerPage) return
      }
    },
    find: (id) =>
      run(lookupDeadlineMs, async () => {
        const row = await knex(tableName).select(selectedColumns).where({ id }).first()
        return row && toSessionEnd(row)
      }),
    follow: (filter, options) =>
      followSessionEnds(
        {
          readMaxId: () =>
            run(lookupDeadlineMs, async () => {
              const row = await knex(tableName).max('id as id').first()
              return Number(row?.id ?? 0)
            }),
          readIdsAbove: (id) =>
            run(queryDeadlineMs, () => knex(tableName).where('id', '>', id).orderBy('id').pluck('id')),
          readNewest: (limit) => readPage(filter, { limit }),
          readByIds: (ids) =>
            run(queryDeadlineMs, async () =>
              (await selectMatching(knex, tableName, filter).whereIn('id', ids).orderBy('id')).map(
                toSessionEnd,
              ),
            ),
        },
        options,
      ),
  }
}

function selectMatching(
  database: Knex,
  tableName: string,
  { from, to, ...equalTo }: SessionEndFilter,
): Knex.QueryBuilder {
  const conditions = Object.entries(equalTo).filter(([, value]) => value !== undefined)
  const query = database(tableName).select(selectedColumns).where(Object.fromEntries(conditions))
  if (from) query.where('detected_at', '>=', toStoredTime(database, from))
  if (to) query.where('detected_at', '<', toStoredTime(database, to))
  return query
}

function selectPage(
  database: Knex,
  tableName: string,
  filter: SessionEndFilter,
  { limit, after }: Page,
): Knex.QueryBuilder {
  const query = selectMatching(database, tableName, filter)
    .orderBy([
      { column: 'detected_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit)
  if (after) {
    const detectedAt = toStoredTime(database, after.detectedAt)
    // Equivalent to (detected_at, id) < (…), which the databases cannot use to seek in the index: on a large table it
    // took 93 ms where this form took 1 ms.
    query
      .where('detected_at', '<=', detectedAt)
      .where((either) => either.where('detected_at', '<', detectedAt).orWhere('id', '<', after.id))
  }
  return query
}
