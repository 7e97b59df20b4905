import type { Knex } from 'knex'
import type { RefusalCount } from '../../domain/alarms/refusals.ts'
import { selftestSessionPrefix } from '../../domain/selftest.ts'
import type { LastRows, SiteRepository } from '../../reading/siteRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readTime } from '../database/storedTime.ts'
import {
  getLiveTableName,
  getRefusalTableName,
  getSilenceTableName,
  qualify,
  splitTableName,
} from '../database/tableName.ts'
import { countQuarterHours } from './countQuarterHours.ts'
import { findLastRow, findLastSelftests } from './findLastRow.ts'

export function createSiteRepository(auditDatabase: AuditDatabase): SiteRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    countRows: (sites, from, to) =>
      run(queryDeadlineMs, (signal) => countQuarterHours(knex, tableName, { sites, from, to, signal })),
    findLastRows: (sites) =>
      run(queryDeadlineMs, async () => {
        const selftests = await findLastSelftests(knex, tableName)
        const found = new Map<string, LastRows>()
        for (const site of sites) {
          const lastRowAt = await findLastRow(knex, tableName, site)
          found.set(site, { lastRowAt, lastSelftestAt: selftests.get(site) })
        }
        return found
      }),
    readLiveActivity: () =>
      run(queryDeadlineMs, () =>
        readLiveActivity(knex, qualify(auditTable, getLiveTableName(auditTable.table, 'live'))),
      ),
    readRefusals: (fromQuarterHour) =>
      run(queryDeadlineMs, async () => {
        const rows: Record<keyof RefusalCount, never>[] = await knex(
          qualify(auditTable, getRefusalTableName(auditTable.table)),
        )
          .select('site', 'kind', 'origin', { quarterHour: 'quarter_hour' }, 'count')
          .where('quarter_hour', '>=', fromQuarterHour)
        return rows.map(({ count, ...row }) => ({ ...row, count: Number(count) }))
      }),
    readSilences: () =>
      run(queryDeadlineMs, async () => {
        const rows = await knex(qualify(auditTable, getSilenceTableName(auditTable.table))).select(
          'site',
          'since',
          { limitMs: 'limit_ms' },
        )
        return new Map(
          rows.map(({ site, since, limitMs }) => [site, { since: Number(since), limitMs: Number(limitMs) }]),
        )
      }),
  }
}

async function readLiveActivity(database: Knex, liveTable: string) {
  const rows: { site: string; liveSessions: number; lastActivityAt: Date | string }[] = await database(
    liveTable,
  )
    .select('site')
    .count({ liveSessions: '*' })
    .max({ lastActivityAt: 'last_access_at' })
    .where((either) =>
      either
        .whereNull('session')
        .orWhereRaw('substr(session, 1, ?) <> ?', [selftestSessionPrefix.length, selftestSessionPrefix]),
    )
    .groupBy('site')
  return new Map(
    rows.map(({ site, liveSessions, lastActivityAt }) => [
      site,
      { liveSessions: Number(liveSessions), lastActivityAt: readTime(lastActivityAt) },
    ]),
  )
}
