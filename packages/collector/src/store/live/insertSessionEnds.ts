import type { ResultSetHeader } from 'mysql2'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { toColumnValues } from '../audit/auditColumns.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { splitRows } from './splitRows.ts'

/** Lists the values of rows for the driver. */
export function listRowValues(sessionEnds: readonly NewSessionEnd[]): unknown[][] {
  // Sending numbers as text takes half the time of the driver's integers, and is just as exact.
  return sessionEnds.map((sessionEnd) =>
    toColumnValues(sessionEnd, toDatetime).map((value) =>
      typeof value === 'number' ? String(value) : value,
    ),
  )
}

/** @returns the ids, in the order of the rows. */
export async function insertSessionEnds(
  connection: MysqlConnection,
  statements: MysqlStatements,
  sessionEnds: readonly NewSessionEnd[],
): Promise<number[]> {
  const ids: number[] = []
  for (const part of splitRows(listRowValues(sessionEnds), connection.maxPacketBytes)) {
    const rows = sessionEnds.slice(ids.length, ids.length + part.length)
    const statement = statements.insertRows(part.length)
    ids.push(...(await insertAndReadIds(connection, statements, statement, rows, part.flat())))
  }
  return ids
}

/**
 * Runs a statement that inserts rows.
 *
 * @returns the ids, in the order of the rows.
 */
export async function insertAndReadIds(
  { connection, isMariadb, idStep, mayChangeIdStep }: MysqlConnection,
  statements: MysqlStatements,
  insert: string,
  sessionEnds: readonly NewSessionEnd[],
  values: readonly unknown[],
): Promise<number[]> {
  if (isMariadb) {
    const rows = await execute<{ id: number }[]>(connection, `${insert} returning id`, values)
    return rows.map(({ id }) => id)
  }
  const { insertId } = await execute<ResultSetHeader>(connection, insert, values)
  if (mayChangeIdStep && sessionEnds.length > 1) {
    const keys = sessionEnds.flatMap(({ site, sessionKey, revision }) => [site, sessionKey, revision])
    const rows = await execute<StoredId[]>(connection, statements.selectIds(sessionEnds.length), keys)
    const ids = new Map(rows.map((row) => [formatRevision(row), row.id]))
    return sessionEnds.map((sessionEnd) => ids.get(formatRevision(sessionEnd)) ?? 0)
  }
  // The ids of an INSERT with a known number of rows are consecutive:
  // https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html
  return sessionEnds.map((_, index) => insertId + index * idStep)
}

type StoredId = Pick<NewSessionEnd, 'site' | 'sessionKey' | 'revision'> & { readonly id: number }

const formatRevision = ({ site, sessionKey, revision }: Omit<StoredId, 'id'>) =>
  [site, sessionKey, revision].join('\n')
