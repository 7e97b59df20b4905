import type Database from 'better-sqlite3'
import { sqliteQuotes } from '../database/quotes.ts'
import { getLiveTableName } from '../database/tableName.ts'
import { listColumns, selectedLiveColumns } from './liveColumns.ts'

type Due = [now: string, undisturbedMs: number]
type DueAfter = [...Due, dueAt: string, dueAt: string, site: string, sessionKey: string]
type LiveRecord = Record<string, unknown>

/** The prepared statements that only the sweep needs. */
export interface SqliteSweepStatements {
  /** Reads the last disturbance, and the mark of this collector. */
  readonly readState: Database.Statement<[string], { disturbedAt: number; markedAt: number }>
  readonly selectDue: Database.Statement<Due, LiveRecord>
  readonly selectDueAfter: Database.Statement<DueAfter, LiveRecord>
  readonly countBySite: Database.Statement<[], { site: string; count: number }>
  readonly forgetLogouts: Database.Statement<[string]>
}

export function prepareSweepStatements(
  database: Database.Database,
  tableName: string,
  chunkSize: number,
): SqliteSweepStatements {
  const quote = (kind: Parameters<typeof getLiveTableName>[1]) =>
    sqliteQuotes.name(getLiveTableName(tableName, kind))
  const selectDue = (condition: string) =>
    `select ${listColumns(selectedLiveColumns)} from ${quote('live')} where due_at <= ? and wait_ms <= ?${condition}
    order by due_at, site, session_key limit ${chunkSize}`
  return {
    readState: database.prepare(
      `select d.disturbed_at as disturbedAt, c.marked_at as markedAt
      from ${quote('disturbance')} d join ${quote('collector')} c on c.id = ? where d.id = 1`,
    ),
    selectDue: database.prepare(selectDue('')),
    selectDueAfter: database.prepare(
      selectDue(' and due_at >= ? and (due_at > ? or (site, session_key) > (?, ?))'),
    ),
    countBySite: database.prepare(`select site, count(*) as count from ${quote('live')} group by site`),
    forgetLogouts: database.prepare(`delete from ${quote('logout')} where received_at < ?`),
  }
}
