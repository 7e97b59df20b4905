import type { Knex } from 'knex'
import { listedLiveFieldNames } from '../../reading/listedLiveSession.ts'
import type { LivePage, LiveSessionFilter, LiveSessionReader } from '../../reading/liveSessionReader.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readSites } from '../database/readSites.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'
import { selectedLiveColumns, toLiveSession } from './liveColumns.ts'

/** The page size of `readPages`. */
const sessionsPerPage = 500

const selectedColumns = Object.fromEntries(
  listedLiveFieldNames.map((name) => [name, selectedLiveColumns[name] ?? name]),
)

/** @param deadlineMs how long reading a page may take. */
export function createLiveSessionReader(
  auditDatabase: AuditDatabase,
  deadlineMs = queryDeadlineMs,
): LiveSessionReader {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  const readPage: LiveSessionReader['readPage'] = (filter, page) =>
    run(deadlineMs, async () => {
      // The index on the subject starts with the site.
      const sites =
        filter.subject !== undefined && filter.site === undefined
          ? await readSites(knex, liveTable)
          : undefined
      return (await selectPage(knex, liveTable, filter, page, sites)).map(toLiveSession)
    })

  return {
    readPage,
    async *readPages(filter) {
      for (let last: LivePage['after']; ; ) {
        const sessions = await readPage(filter, { limit: sessionsPerPage, after: last })
        if (sessions.length > 0) yield sessions
        last = sessions.at(-1)
        if (sessions.length < sessionsPerPage) return
      }
    },
  }
}

function selectPage(
  database: Knex,
  liveTable: string,
  { site, subject }: LiveSessionFilter,
  { limit, after }: LivePage,
  sites: readonly string[] | undefined,
): Knex.QueryBuilder {
  const query = database(liveTable).select(selectedColumns).orderBy(['site', 'session_key']).limit(limit)
  if (site !== undefined) query.where({ site })
  if (sites) query.whereIn('site', sites)
  if (subject !== undefined) query.where({ subject })
  if (after) {
    // Equivalent to (site, session_key) > (…), which the databases cannot use to seek in the index.
    query
      .where('site', '>=', after.site)
      .where((either) => either.where('site', '>', after.site).orWhere('session_key', '>', after.sessionKey))
  }
  return query
}
