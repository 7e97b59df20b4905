import { insertedColumns, selectedColumns } from '../audit/auditColumns.ts'
import { mysqlQuotes } from '../database/quotes.ts'
import { getLiveTableName, splitTableName } from '../database/tableName.ts'
import {
  listColumns,
  liveColumns,
  logoutColumns,
  returnColumns,
  selectedLiveColumns,
  selectedLogoutColumns,
} from './liveColumns.ts'
import { buildMarkerStatements, type MarkerStatements, markersIn } from './mysqlMarkerStatements.ts'

/** The statements of the writer, by how many rows or keys they have. */
export interface MysqlStatements extends MarkerStatements {
  readonly lockLive: (keys: number) => string
  readonly selectRows: (keys: number) => string
  readonly selectLogouts: (keys: number) => string
  /** Selects the ids of new rows. */
  readonly selectIds: (rows: number) => string
  readonly insertRows: (rows: number) => string
  /**
   * Inserts rows of revision 1, unless a session is live, or one of as many markers as rows has a row. Then it fails with
   * `ER_BAD_NULL_ERROR`. The sites and markers come before the revision of the first row.
   */
  readonly insertFirstRows: (rows: number) => string
  /** Inserts the returns whose rows exist. It waits for a purge that is about to delete them. */
  readonly insertReturns: (rows: number) => string
  readonly insertLive: (rows: number) => string
  readonly updateLive: (rows: number) => string
  readonly deleteLive: (keys: number) => string
  readonly putLogouts: (rows: number) => string
}

/** Repeats a list of placeholders. */
const repeat = (placeholders: string, count: number) =>
  Array.from({ length: count }, () => placeholders).join(', ')
const listPlaceholders = (columns: readonly string[]) => `(${columns.map(() => '?').join(', ')})`

/** Overwrites rows. MariaDB has no alias for new rows, so this is VALUES(), which both databases understand. */
const overwrite = (columns: readonly string[]) =>
  columns.map((column) => `${column} = values(${column})`).join(', ')

export function buildMysqlStatements(tableName: string): MysqlStatements {
  const { schema, table } = splitTableName(tableName)
  const quote = (name: string) =>
    schema ? mysqlQuotes.table({ schema, table: name }) : mysqlQuotes.name(name)
  const audit = quote(table)
  const live = quote(getLiveTableName(table, 'live'))
  const logout = quote(getLiveTableName(table, 'logout'))
  const sessionReturn = quote(getLiveTableName(table, 'return'))
  const revisionIndex = mysqlQuotes.name(`${table}_revision`)
  const markerIndex = mysqlQuotes.name(`${table}_by_marker`)
  const insert = (into: string, columns: readonly string[]) => (rows: number) =>
    `insert into ${into} (${columns.join(', ')}) values ${repeat(listPlaceholders(columns), rows)}`
  const keysIn = (keys: number, prefix = '') =>
    `(${prefix}site, ${prefix}session_key) in (${repeat('(?, ?)', keys)})`

  // A revision that is null is refused, and so is the whole statement. MySQL does not let an INSERT read from its own
  // table, except in a derived table.
  const guardRevision = (keys: number) =>
    `(select case when exists (select 1 from ${live}) or exists (select 1 from (select 1
      from ${audit} force index (${markerIndex}) where ${markersIn(keys)} limit 1) known) then null else ? end)`

  return {
    ...buildMarkerStatements(tableName),
    // If a second index begins with the site, MariaDB takes a tenth of a second to choose between the two for 512 keys.
    lockLive: (keys) =>
      `select ${listColumns(selectedLiveColumns)} from ${live} force index (primary) where ${keysIn(keys)} for update`,
    // The statistics of a table that grows fast can mislead the optimizer, so the index is named.
    selectRows: (keys) =>
      `select ${listColumns(selectedColumns, 'a')}, successor.session_key as supersededUnder,
        successor.id is not null as isSuperseded, r.id is not null as hasReturn
      from ${audit} a force index (${revisionIndex})
      left join ${audit} successor on successor.supersedes = a.id
      left join ${sessionReturn} r on r.audit_id = a.id
      where ${keysIn(keys, 'a.')}`,
    selectLogouts: (keys) =>
      `select ${listColumns(selectedLogoutColumns)} from ${logout} where ${keysIn(keys)}`,
    selectIds: (rows) =>
      `select id, site, session_key as sessionKey, revision from ${audit} force index (${revisionIndex})
      where (site, session_key, revision) in (${repeat('(?, ?, ?)', rows)})`,
    insertRows: insert(audit, insertedColumns),
    insertFirstRows: (rows) => {
      const guarded = insertedColumns.map((column) => (column === 'revision' ? guardRevision(rows) : '?'))
      const others = Array.from({ length: rows - 1 }, () => listPlaceholders(insertedColumns))
      return `insert into ${audit} (${insertedColumns.join(', ')}) values ${[`(${guarded.join(', ')})`, ...others].join(', ')}`
    },
    insertReturns: (rows) => {
      const values = returnColumns.map((column) => (column === 'audit_id' ? 'cast(? as unsigned)' : '?'))
      const named = returnColumns.map((column, index) => `${values[index]} as ${column}`)
      const returns = Array.from({ length: rows }, () => `select ${named.join(', ')}`).join(' union all ')
      return `insert into ${sessionReturn} (${returnColumns.join(', ')}) select r.*
        from (${returns}) r straight_join ${audit} a on a.id = r.audit_id lock in share mode`
    },
    insertLive: insert(live, liveColumns),
    // The rows are locked, so this inserts nothing.
    updateLive: (rows) =>
      `${insert(live, liveColumns)(rows)} on duplicate key update ${overwrite(liveColumns)}`,
    // A DELETE accepts the name of an index only in the syntax for several tables.
    deleteLive: (keys) => `delete l from ${live} l force index (primary) where ${keysIn(keys, 'l.')}`,
    putLogouts: (rows) =>
      `${insert(logout, logoutColumns)(rows)} on duplicate key update ${overwrite(logoutColumns)}`,
  }
}
