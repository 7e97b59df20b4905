import type Database from 'better-sqlite3'
import { maxLinksPerMarker } from '../../recording/markerLinks.ts'
import { insertedColumns, selectedColumns } from '../audit/auditColumns.ts'
import { sqliteQuotes } from '../database/quotes.ts'
import { getLiveTableName } from '../database/tableName.ts'
import {
  listColumns,
  liveColumns,
  logoutColumns,
  returnColumns,
  selectedLiveColumns,
  selectedLogoutColumns,
} from './liveColumns.ts'

type Key = [site: string, sessionKey: string]
type Marker = [site: string, marker: string]
type Select = Database.Statement<Key, Record<string, unknown>>
type Change = Database.Statement<unknown[]>

/** The prepared statements of a connection. */
export interface SqliteStatements {
  readonly selectLive: Select
  readonly selectRows: Select
  readonly selectLogout: Select
  /**
   * Selects the sessions under an alias that have the marker: the live ones that were used last, and those of the latest
   * rows. The parameters are listed twice.
   */
  readonly selectLinks: Database.Statement<[...Marker, ...Marker], { sessionKey: string }>
  readonly insertRow: Change
  readonly insertReturn: Change
  readonly putLive: Change
  readonly deleteLive: Change
  readonly putLogout: Change
}

export function prepareStatements(database: Database.Database, tableName: string): SqliteStatements {
  const audit = sqliteQuotes.name(tableName)
  const quote = (kind: Parameters<typeof getLiveTableName>[1]) =>
    sqliteQuotes.name(getLiveTableName(tableName, kind))
  const write = (verb: string, table: string, columns: readonly string[]): Change =>
    database.prepare(
      `${verb} into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    )
  const byKey = 'where site = ? and session_key = ?'
  const byMarker = 'where site = ? and marker = ? and session_key <> marker'
  return {
    selectLive: database.prepare(`select ${listColumns(selectedLiveColumns)} from ${quote('live')} ${byKey}`),
    selectRows: database.prepare(
      `select ${listColumns(selectedColumns, 'a')}, successor.session_key as supersededUnder,
        successor.id is not null as isSuperseded, r.id is not null as hasReturn
      from ${audit} a
      left join ${audit} successor on successor.supersedes = a.id
      left join ${quote('return')} r on r.audit_id = a.id
      where a.site = ? and a.session_key = ? order by a.id`,
    ),
    selectLogout: database.prepare(
      `select ${listColumns(selectedLogoutColumns)} from ${quote('logout')} ${byKey}`,
    ),
    // UNION sorts by the key. Without the limits, SQLite would therefore choose the indexes that begin with the site and
    // the key, and read all sessions of the site.
    selectLinks: database.prepare(
      [`${quote('live')} ${byMarker} order by registered_at`, `${audit} ${byMarker} order by id`]
        .map(
          (source) =>
            `select * from (select session_key as sessionKey from ${source} limit ${maxLinksPerMarker})`,
        )
        .join(' union '),
    ),
    insertRow: write('insert', audit, insertedColumns),
    insertReturn: write('insert', quote('return'), returnColumns),
    putLive: write('replace', quote('live'), liveColumns),
    deleteLive: database.prepare(`delete from ${quote('live')} ${byKey}`),
    putLogout: write('replace', quote('logout'), logoutColumns),
  }
}
