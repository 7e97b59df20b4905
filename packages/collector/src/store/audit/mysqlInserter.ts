import { setTimeout as sleep } from 'node:timers/promises'
import type { ResultSetHeader } from 'mysql2'
import type { NewSessionEnd, SessionEnd } from '../../domain/sessionEnd.ts'
import { withinDeadline } from '../../lifecycle/withinDeadline.ts'
import { ConnectionLostError, type Inserter, type Outcome } from '../../recording/batchingWriter.ts'
import { batchSize } from '../../recording/batchSize.ts'
import { hasErrorCode, isRetryable } from '../database/databaseErrors.ts'
import type { MysqlLocation } from '../database/databaseUrl.ts'
import { isAnswer } from '../database/mysql/mysqlClient.ts'
import {
  closeConnection,
  isAlive,
  type MysqlConnection,
  markUsed,
  mysqlConnector,
} from '../database/mysql/mysqlConnection.ts'
import { takesWrites } from '../database/mysql/mysqlSettings.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import { isRefusal } from '../database/refusal.ts'
import { splitTableName } from '../database/tableName.ts'
import { mysqlQuotes } from '../mirror/mirrorTrigger.ts'
import { insertedColumns, selectedColumns, toColumnValues, toSessionEnd } from './auditColumns.ts'

const attempts = 5
/** As long as a report waits for its answer: the server must not go on waiting for whoever is gone. */
const lockTimeoutSeconds = 5
/** How often a connection asks whether its server still takes writes, in milliseconds. */
const roleCheckMs = 2_000
// A host that has become a replica, of itself or by its storage: another one takes writes now.
const readOnlyCodes = [
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_READ_ONLY_MODE',
  'ER_INNODB_READ_ONLY',
  'ER_OPEN_AS_READONLY',
  'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
]

/** Writes to MySQL or MariaDB by connections of its own. */
export function mysqlInserter(location: MysqlLocation, tableName: string): Inserter {
  const connect = mysqlConnector(location, { lockTimeoutSeconds })
  const idle: MysqlConnection[] = []
  const statements = statementsFor(tableName)
  let lentOut = 0

  const checkedAt = new WeakMap<MysqlConnection, number>()

  /** A connection that answers: one that the server closed while it was idle is replaced silently. */
  async function acquire(): Promise<MysqlConnection> {
    for (let kept = idle.pop(); kept; kept = idle.pop()) {
      if (await isUsable(kept).catch(() => false)) return kept
      closeConnection(kept.connection)
    }
    const opened = await connect().catch(throwConnectionLost)
    checkedAt.set(opened, performance.now())
    return opened
  }

  async function isUsable(kept: MysqlConnection): Promise<boolean> {
    if (!(await isAlive(kept.connection))) return false
    if (performance.now() - (checkedAt.get(kept) ?? 0) < roleCheckMs) return true
    checkedAt.set(kept, performance.now())
    return withinDeadline(roleCheckMs, () => takesWrites(kept.connection))
  }

  /** Lends a connection, and keeps it unless what was done with it leaves it in doubt. */
  async function using<T>(signal: AbortSignal, work: (lent: MysqlConnection) => Promise<T>): Promise<T> {
    lentOut += 1
    let lent: MysqlConnection | undefined
    // mysql2's own time-out leaves a connection that can't be used; a destroyed one is replaced.
    const destroy = () => lent && closeConnection(lent.connection)
    signal.addEventListener('abort', destroy, { once: true })
    try {
      lent = await acquire()
      if (signal.aborted) destroy()
      const result = await work(lent)
      if (!signal.aborted) idle.push(lent)
      return result
    } catch (error) {
      destroy()
      if (isFatal(error)) throwConnectionLost(error)
      throw error
    } finally {
      if (lent) markUsed(lent.connection)
      lentOut -= 1
      signal.removeEventListener('abort', destroy)
    }
  }

  return {
    lanes: 3,
    get connections() {
      return idle.length + lentOut
    },
    insert: (lapses, signal) => using(signal, (lent) => insertOnce(lent, statements, lapses)),
    ping: (signal) =>
      using(signal, async (lent) => {
        const [variable] = lent.readOnlyBecause
        if (variable) throw new ConnectionLostError(`No host takes writes: ${variable} is on.`)
        await execute(lent.connection, 'select 1')
      }),
    async close() {
      for (const { connection } of idle.splice(0)) closeConnection(connection)
    },
  }
}

interface Statements {
  insert(rows: number): string
  select(sessions: number): string
}

function statementsFor(tableName: string): Statements {
  const { schema, table } = splitTableName(tableName)
  const name = schema ? mysqlQuotes.table({ schema, table }) : mysqlQuotes.name(table)
  const places = `(${insertedColumns.map(() => '?').join(', ')})`
  const selected = Object.entries(selectedColumns).map(([property, column]) => `${column} as ${property}`)
  const repeat = (text: string, count: number) => Array.from({ length: count }, () => text).join(', ')
  return {
    insert: (rows) => `insert into ${name} (${insertedColumns.join(', ')}) values ${repeat(places, rows)}`,
    select: (sessions) =>
      `select ${selected.join(', ')} from ${name} where (site, session_key) in (${repeat('(?, ?)', sessions)})`,
  }
}

/**
 * Inserts each session's row unless it has one. The unique key decides, not a look beforehand, so that any number of
 * browsers and replicas may report the same session at the same time.
 *
 * A plain INSERT is all or nothing. When a row was there before, all of them are looked up, and what is missing is
 * inserted again; INSERT IGNORE would do that at once, but truncates values silently.
 */
async function insertOnce(
  lent: MysqlConnection,
  statements: Statements,
  lapses: readonly NewSessionEnd[],
): Promise<readonly Outcome[]> {
  const outcomes = new Map<string, Outcome>()

  async function put(rows: readonly NewSessionEnd[], attempt = 1): Promise<void> {
    const [first, ...others] = statementSizes(rows, lent.maxPacketBytes)
    if (first === undefined) return
    if (others.length > 0) {
      // Each size is a statement of its own, and all of them are prepared only once.
      let start = 0
      for (const size of [first, ...others]) {
        await put(rows.slice(start, start + size), attempt)
        start += size
      }
      return
    }
    try {
      const ids = await insertAll(lent, statements, rows)
      rows.forEach((lapse, index) => {
        outcomes.set(keyOf(lapse), { row: { id: ids[index] ?? 0, ...lapse }, duplicate: false })
      })
    } catch (error) {
      if (attempt < attempts && isRetryable(error)) {
        await sleep(Math.random() * 20 * attempt)
        return put(rows, attempt + 1)
      }
      if (attempt < attempts && hasErrorCode(error, ['ER_DUP_ENTRY'])) {
        for (const row of await selectRows(lent, statements, rows))
          outcomes.set(keyOf(row), { row, duplicate: true })
        const missing = rows.filter((lapse) => !outcomes.has(keyOf(lapse)))
        return put(missing, attempt + 1)
      }
      if (!isRefusal(error)) throw error
      // One of them is to blame: halve, until it stands alone.
      const middle = rows.length >> 1
      if (middle === 0) rows.forEach((lapse) => void outcomes.set(keyOf(lapse), { refusal: error }))
      else for (const half of [rows.slice(0, middle), rows.slice(middle)]) await put(half)
    }
  }

  const firsts = new Map<string, NewSessionEnd>()
  for (const lapse of lapses) if (!firsts.has(keyOf(lapse))) firsts.set(keyOf(lapse), lapse)
  await put([...firsts.values()])

  return lapses.map((lapse) => {
    const outcome = outcomes.get(keyOf(lapse)) ?? { refusal: new Error('The row has no outcome.') }
    // Of several reports of one session in one batch, the first one made the row.
    return 'row' in outcome && firsts.get(keyOf(lapse)) !== lapse ? { ...outcome, duplicate: true } : outcome
  })
}

/** What a row takes in a statement, with lengths and types; in bytes, at least. */
const rowOverheadBytes = 256

/**
 * Splits rows into statements: as many as the server's packet holds, and of few different sizes, because a connection
 * prepares a statement for each of them.
 */
function statementSizes(rows: readonly NewSessionEnd[], maxPacketBytes: number): number[] {
  const bytes = rows.map(byteLength)
  const sizes: number[] = []
  let start = 0
  while (start < rows.length) {
    let size = batchSize(rows.length - start)
    const fits = () => sum(bytes.slice(start, start + size)) <= maxPacketBytes
    while (size > 1 && !fits()) size = batchSize(size - 1)
    sizes.push(size)
    start += size
  }
  return sizes
}

function byteLength(lapse: NewSessionEnd): number {
  const texts = Object.values(lapse).filter((value) => typeof value === 'string')
  return rowOverheadBytes + sum(texts.map((text) => Buffer.byteLength(text)))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

/** @returns the ids, in the order of the rows. */
async function insertAll(
  { connection, isMariadb, idStep, mayChangeIdStep }: MysqlConnection,
  statements: Statements,
  lapses: readonly NewSessionEnd[],
): Promise<number[]> {
  const insert = statements.insert(lapses.length)
  // Numbers as text take half the time of the driver's integers, and are as exact.
  const values = lapses
    .flatMap((lapse) => toColumnValues(lapse, toDatetime))
    .map((value) => (typeof value === 'number' ? String(value) : value))
  if (isMariadb) {
    const rows = await execute<{ id: number }[]>(connection, `${insert} returning id`, values)
    return rows.map(({ id }) => id)
  }
  const { insertId } = await execute<ResultSetHeader>(connection, insert, values)
  if (mayChangeIdStep && lapses.length > 1) {
    const stored = await selectRows({ connection }, statements, lapses)
    const ids = new Map(stored.map((row) => [keyOf(row), row.id]))
    return lapses.map((lapse) => ids.get(keyOf(lapse)) ?? 0)
  }
  // The ids of one INSERT whose number of rows is known follow each other:
  // https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html
  return lapses.map((_, index) => insertId + index * idStep)
}

/** In a transaction, which a proxy that splits reads from writes leaves on the host that takes the writes. */
async function selectRows(
  { connection }: Pick<MysqlConnection, 'connection'>,
  statements: Statements,
  lapses: readonly NewSessionEnd[],
): Promise<SessionEnd[]> {
  const keys = lapses.flatMap(({ site, sessionKey }) => [site, sessionKey])
  await execute(connection, 'start transaction')
  const select = statements.select(lapses.length)
  const records = await execute<Record<string, unknown>[]>(connection, select, keys)
  await execute(connection, 'commit')
  return records.map(toSessionEnd)
}

const keyOf = ({ site, sessionKey }: Pick<NewSessionEnd, 'site' | 'sessionKey'>) => `${site}\n${sessionKey}`

/** Not an answer of the server to the statement, or one that says that another host takes writes. */
function isFatal(error: unknown): boolean {
  return !isAnswer(error) || hasErrorCode(error, readOnlyCodes)
}

function throwConnectionLost(cause: unknown): never {
  throw new ConnectionLostError(cause instanceof Error ? cause.message : String(cause), { cause })
}
