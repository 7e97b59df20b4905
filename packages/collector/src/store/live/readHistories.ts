import type { HistoryIds, SessionHistory } from '../../recording/sessionHistory.ts'
import { formatId, type SessionId } from '../../recording/sessionIds.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { collectRows, findUnreadKeys, groupRows, toLinkedRow } from './linkedRows.ts'
import { toKeyValues, toRememberedLogout } from './liveColumns.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { splitAndPadRows } from './splitRows.ts'

type StoredRecord = Readonly<Record<string, unknown>>

/** Reads the rows and the remembered logouts of sessions. */
export async function readHistories(
  connection: MysqlConnection,
  statements: MysqlStatements,
  { withRows, withLogouts }: HistoryIds,
): Promise<SessionHistory[]> {
  const rows = (await selectByKeys(connection, statements.selectRows, withRows)).map(toLinkedRow)
  const read = [...withRows]
  for (let unread = findUnreadKeys(rows, read); unread.length > 0; unread = findUnreadKeys(rows, read)) {
    rows.push(...(await selectByKeys(connection, statements.selectRows, unread)).map(toLinkedRow))
    read.push(...unread)
  }
  const rowsByKey = groupRows(rows)
  const logouts = (await selectByKeys(connection, statements.selectLogouts, withLogouts)).map(
    toRememberedLogout,
  )
  const logoutsByKey = new Map(logouts.map((logout) => [formatId(logout), logout]))
  return withRows.map((id) => ({
    ...id,
    rows: collectRows(id, rowsByKey),
    logout: logoutsByKey.get(formatId(id)),
  }))
}

async function selectByKeys(
  { connection, maxPacketBytes }: MysqlConnection,
  statement: (keys: number) => string,
  ids: readonly SessionId[],
): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for (const keys of splitAndPadRows(ids.map(toKeyValues), maxPacketBytes))
    records.push(...(await execute<StoredRecord[]>(connection, statement(keys.length), keys.flat())))
  return records
}
