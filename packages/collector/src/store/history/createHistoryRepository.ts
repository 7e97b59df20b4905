import type { Knex } from 'knex'
import {
  describeEndedSession,
  describeLiveSession,
  type HistoryFilter,
  type HistoryPosition,
  type HistoryRepository,
  type HistorySession,
} from '../../reading/userHistory.ts'
import { addDetails } from '../audit/addDetails.ts'
import { prefixedColumns, toSessionEnd } from '../audit/auditColumns.ts'
import { type Condition, requireCondition } from '../audit/conditions.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { filterRows } from '../audit/filterRows.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readSites } from '../database/readSites.ts'
import { toStoredTime } from '../database/storedTime.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'
import { selectedLiveColumns, toLiveSession } from '../live/liveColumns.ts'

export function createHistoryRepository(auditDatabase: AuditDatabase): HistoryRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    readPage: (filter, { limit, after }) =>
      run(queryDeadlineMs, async () => {
        // One session more shows whether there is a next page.
        const page = { limit: limit + 1, after }
        const found = [
          ...(await readLive(knex, liveTable, filter, page)),
          ...(await readEnded(knex, tableName, filter, page)),
        ].sort((a, b) => b.position.start - a.position.start)
        const last = found[limit - 1]
        return {
          sessions: found.slice(0, limit).flatMap(({ session }) => session ?? []),
          next: found.length > limit ? last?.position : undefined,
        }
      }),
  }
}

interface Found {
  readonly position: HistoryPosition
  /** Undefined for a row whose session is live again. */
  readonly session: HistorySession | undefined
}

interface Page {
  readonly limit: number
  readonly after: HistoryPosition | undefined
}

async function readLive(
  database: Knex,
  liveTable: string,
  { subject, site }: HistoryFilter,
  { limit, after }: Page,
): Promise<Found[]> {
  const start = 'coalesce(started_at, last_access_at)'
  const query = database(liveTable)
    .select(selectedLiveColumns)
    .where({ subject })
    // The index on the subject starts with the site.
    .whereIn('site', site === undefined ? await readSites(database, liveTable) : [site])
    .orderByRaw(`${start} desc, site, session_key`)
    .limit(limit)
  if (after) {
    const [afterSite = '', afterKey = ''] = typeof after.session === 'number' ? [] : after.session
    const isLater: Condition | undefined =
      typeof after.session === 'number'
        ? undefined
        : { sql: 'site > ? or (site = ? and session_key > ?)', values: [afterSite, afterSite, afterKey] }
    requireCondition(query, startsBefore(database, start, after, isLater))
  }
  const found: Record<string, unknown>[] = await query
  return found.map(toLiveSession).map((live) => ({
    position: {
      start: (live.startedAt ?? live.lastAccessAt).getTime(),
      session: [live.site, live.sessionKey],
    },
    session: describeLiveSession(live),
  }))
}

async function readEnded(
  database: Knex,
  tableName: string,
  filter: HistoryFilter,
  { limit, after }: Page,
): Promise<Found[]> {
  const start = 'coalesce(a.started_at, a.last_access_at, a.detected_at)'
  const query = database({ a: tableName })
    .select(prefixedColumns)
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
    .modify(selectCurrent, tableName)
    .modify(excludeSelftests)
    .orderByRaw(`${start} desc, a.id desc`)
    .limit(limit)
  if (after) {
    const isLater: Condition =
      typeof after.session === 'number'
        ? { sql: 'a.id < ?', values: [after.session] }
        : { sql: '1 = 1', values: [] }
    requireCondition(query, startsBefore(database, start, after, isLater))
  }
  const rows = (await query).map(toSessionEnd)
  return (await addDetails(database, tableName, rows)).map((row) => ({
    position: { start: (row.startedAt ?? row.lastAccessAt ?? row.detectedAt).getTime(), session: row.id },
    session: row.resumedAt === null ? describeEndedSession(row) : undefined,
  }))
}

/** Matches sessions that start before a position, or at the same time if they are later in the order. */
function startsBefore(
  database: Knex,
  start: string,
  { start: time }: HistoryPosition,
  isLater: Condition | undefined,
): Condition {
  const stored = toStoredTime(database, new Date(time))
  if (!isLater) return { sql: `${start} < ?`, values: [stored] }
  return {
    sql: `${start} < ? or (${start} = ? and (${isLater.sql}))`,
    values: [stored, stored, ...isLater.values],
  }
}
