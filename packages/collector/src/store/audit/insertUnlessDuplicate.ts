import { setTimeout as sleep } from 'node:timers/promises'
import type { ResultSetHeader } from 'mysql2'
import type { NewSessionEnd, SessionEnd } from '../../domain/sessionEnd.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { InsertOutcome } from '../../recording/batchingWriter.ts'
import { chooseBatchSize } from '../../recording/chooseBatchSize.ts'
import { isRetryable } from '../database/databaseErrors.ts'
import { isRefusal } from '../database/isRefusal.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import { mysqlQuotes } from '../database/quotes.ts'
import { splitTableName } from '../database/tableName.ts'
import { insertedColumns, selectedColumns, toColumnValues, toSessionEnd } from './auditColumns.ts'

const maxAttempts = 5
const maxPauseMs = 20

interface Statements {
  insert(rows: number): string
  select(sessions: number): string
}

export function buildStatements(tableName: string): Statements {
  const { schema, table } = splitTableName(tableName)
  const name = schema ? mysqlQuotes.table({ schema, table }) : mysqlQuotes.name(table)
  const placeholders = `(${insertedColumns.map(() => '?').join(', ')})`
  const selected = Object.entries(selectedColumns).map(([property, column]) => `${column} as ${property}`)
  const repeat = (text: string, count: number) => Array.from({ length: count }, () => text).join(', ')
  return {
    insert: (rows) =>
      `insert into ${name} (${insertedColumns.join(', ')}) values ${repeat(placeholders, rows)}`,
    select: (sessions) =>
      `select ${selected.join(', ')} from ${name} where (site, session_key) in (${repeat('(?, ?)', sessions)})`,
  }
}

/**
 * Inserts a row for each session that has none. The unique key decides that, not a previous SELECT, so any number of
 * browsers and replicas may report the same session at the same time.
 *
 * A multi-row INSERT stores all rows or none. If a session has a row already, the existing rows are selected, and the
 * other rows are inserted again. INSERT IGNORE would do that in one statement, but truncates values silently.
 */
export async function insertUnlessDuplicate(
  connection: MysqlConnection,
  statements: Statements,
  sessionEnds: readonly NewSessionEnd[],
): Promise<readonly InsertOutcome[]> {
  const outcomes = new Map<string, InsertOutcome>()

  async function insert(rows: readonly NewSessionEnd[], attempt = 1): Promise<void> {
    const [size, ...otherSizes] = splitIntoStatements(rows, connection.maxPacketBytes)
    if (size === undefined) return
    if (otherSizes.length > 0) {
      let start = 0
      for (const nextSize of [size, ...otherSizes]) {
        await insert(rows.slice(start, start + nextSize), attempt)
        start += nextSize
      }
      return
    }
    try {
      const ids = await insertAll(connection, statements, rows)
      rows.forEach((sessionEnd, index) => {
        outcomes.set(getSessionKey(sessionEnd), {
          row: { id: ids[index] ?? 0, ...sessionEnd },
          duplicate: false,
        })
      })
    } catch (error) {
      if (attempt < maxAttempts && isRetryable(error)) {
        await sleep(Math.random() * maxPauseMs * attempt)
        return insert(rows, attempt + 1)
      }
      if (attempt < maxAttempts && hasErrorCode(error, ['ER_DUP_ENTRY'])) {
        for (const row of await selectExisting(connection, statements, rows))
          outcomes.set(getSessionKey(row), { row, duplicate: true })
        const missing = rows.filter((sessionEnd) => !outcomes.has(getSessionKey(sessionEnd)))
        return insert(missing, attempt + 1)
      }
      if (!isRefusal(error)) throw error
      // The database refused one of the rows: split them until that row is alone.
      const middle = rows.length >> 1
      if (middle === 0) for (const row of rows) outcomes.set(getSessionKey(row), { refusal: error })
      else for (const half of [rows.slice(0, middle), rows.slice(middle)]) await insert(half)
    }
  }

  const firstOfSession = new Map<string, NewSessionEnd>()
  for (const sessionEnd of sessionEnds)
    if (!firstOfSession.has(getSessionKey(sessionEnd)))
      firstOfSession.set(getSessionKey(sessionEnd), sessionEnd)
  await insert([...firstOfSession.values()])

  return sessionEnds.map((sessionEnd) => {
    const key = getSessionKey(sessionEnd)
    const outcome = outcomes.get(key) ?? { refusal: new Error('The row has no outcome.') }
    // If a batch contains several reports of one session, the first one made the row.
    return 'row' in outcome && firstOfSession.get(key) !== sessionEnd
      ? { ...outcome, duplicate: true }
      : outcome
  })
}

/** An upper bound of what a row adds to a statement besides its texts, with lengths and types. */
const rowOverheadBytes = 256

/**
 * Splits rows into statements that fit into the server's packet limit. `chooseBatchSize` keeps the number of different
 * sizes small, because a connection prepares a statement for each size.
 */
function splitIntoStatements(rows: readonly NewSessionEnd[], maxPacketBytes: number): number[] {
  const bytes = rows.map(estimateBytes)
  const sizes: number[] = []
  let start = 0
  while (start < rows.length) {
    let size = chooseBatchSize(rows.length - start)
    const fits = () => sum(bytes.slice(start, start + size)) <= maxPacketBytes
    while (size > 1 && !fits()) size = chooseBatchSize(size - 1)
    sizes.push(size)
    start += size
  }
  return sizes
}

function estimateBytes(sessionEnd: NewSessionEnd): number {
  const texts = Object.values(sessionEnd).filter((value) => typeof value === 'string')
  return rowOverheadBytes + sum(texts.map((text) => Buffer.byteLength(text)))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

/** @returns the ids, in the order of the rows. */
async function insertAll(
  { connection, isMariadb, idStep, mayChangeIdStep }: MysqlConnection,
  statements: Statements,
  sessionEnds: readonly NewSessionEnd[],
): Promise<number[]> {
  const insert = statements.insert(sessionEnds.length)
  // Sending numbers as text takes half the time of the driver's integers, and is just as exact.
  const values = sessionEnds
    .flatMap((sessionEnd) => toColumnValues(sessionEnd, toDatetime))
    .map((value) => (typeof value === 'number' ? String(value) : value))
  if (isMariadb) {
    const rows = await execute<{ id: number }[]>(connection, `${insert} returning id`, values)
    return rows.map(({ id }) => id)
  }
  const { insertId } = await execute<ResultSetHeader>(connection, insert, values)
  if (mayChangeIdStep && sessionEnds.length > 1) {
    const rows = await selectExisting({ connection }, statements, sessionEnds)
    const ids = new Map(rows.map((row) => [getSessionKey(row), row.id]))
    return sessionEnds.map((sessionEnd) => ids.get(getSessionKey(sessionEnd)) ?? 0)
  }
  // The ids of an INSERT with a known number of rows are consecutive:
  // https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html
  return sessionEnds.map((_, index) => insertId + index * idStep)
}

/**
 * Selects in a transaction: a proxy that splits reads from writes keeps a transaction on the host that accepts writes.
 */
async function selectExisting(
  { connection }: Pick<MysqlConnection, 'connection'>,
  statements: Statements,
  sessionEnds: readonly NewSessionEnd[],
): Promise<SessionEnd[]> {
  const keys = sessionEnds.flatMap(({ site, sessionKey }) => [site, sessionKey])
  await execute(connection, 'start transaction')
  const select = statements.select(sessionEnds.length)
  const rows = await execute<Record<string, unknown>[]>(connection, select, keys)
  await execute(connection, 'commit')
  return rows.map(toSessionEnd)
}

const getSessionKey = ({ site, sessionKey }: Pick<NewSessionEnd, 'site' | 'sessionKey'>) =>
  `${site}\n${sessionKey}`
