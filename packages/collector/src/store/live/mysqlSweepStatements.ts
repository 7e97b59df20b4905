import { mysqlQuotes } from '../database/quotes.ts'
import { getLiveTableName, splitTableName } from '../database/tableName.ts'
import { listColumns, selectedLiveColumns } from './liveColumns.ts'

/** The statements that only the sweep needs. */
export interface MysqlSweepStatements {
  /** Reads the database's clock, the last disturbance, and the mark of this collector. */
  readonly readState: string
  readonly lockDue: string
  readonly lockDueAfter: string
  readonly countBySite: string
  readonly forgetLogouts: string
}

export function buildMysqlSweepStatements(tableName: string, chunkSize: number): MysqlSweepStatements {
  const { schema, table } = splitTableName(tableName)
  const quote = (kind: Parameters<typeof getLiveTableName>[1]) => {
    const name = getLiveTableName(table, kind)
    return schema ? mysqlQuotes.table({ schema, table: name }) : mysqlQuotes.name(name)
  }
  const dueIndex = mysqlQuotes.name(`${getLiveTableName(table, 'live')}_by_due`)
  // The index ends with the primary key, so it has this order.
  const lockDue = (condition: string) =>
    `select ${listColumns(selectedLiveColumns)} from ${quote('live')} force index (${dueIndex})
    where due_at <= ? and wait_ms <= ?${condition}
    order by due_at, site, session_key limit ${chunkSize} for update skip locked`
  return {
    // Not NOW(), which returns a constant if somebody has set the session variable `timestamp`.
    readState: `select cast(unix_timestamp(sysdate(3)) * 1000 as unsigned) as now,
        d.disturbed_at as disturbedAt, c.marked_at as markedAt
      from ${quote('disturbance')} d join ${quote('collector')} c on c.id = ? where d.id = 1`,
    lockDue: lockDue(''),
    // A sweep does not start at the beginning again: deleted rows stay in the index until the server purges them.
    lockDueAfter: lockDue(' and due_at >= ? and (due_at > ? or (site, session_key) > (?, ?))'),
    countBySite: `select site, count(*) as count from ${quote('live')} group by site`,
    forgetLogouts: `delete from ${quote('logout')} where received_at < ? limit 1000`,
  }
}
