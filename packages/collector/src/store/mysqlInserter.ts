import { setTimeout as sleep } from 'node:timers/promises'
import { escapeId, type ResultSetHeader } from 'mysql2'
import type { Lapse, LapseRow } from '../lapse/row.ts'
import { insertedColumns, rowOf, selectedColumns, valuesOf } from './auditColumns.ts'
import type { MysqlLocation } from './databaseUrl.ts'
import { type MysqlConnection, mysqlConnector, query } from './mysqlConnection.ts'
import { isRefusal } from './refusal.ts'
import { ConnectionLostError, type Inserter, type Outcome } from './writer.ts'

const attempts = 5
// Two inserts of one key can wait for each other; the one that the database gives up may try again.
const transientCodes = ['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT']
// A host that has become a replica: another one takes writes now.
const readOnlyCodes = ['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE']

/** Writes to MySQL or MariaDB by connections of its own. */
export function mysqlInserter(location: MysqlLocation, tableName: string): Inserter {
  const connect = mysqlConnector(location)
  const idle: MysqlConnection[] = []
  const statements = statementsFor(tableName)
  let lentOut = 0

  /** Lends a connection, and keeps it unless what was done with it leaves it in doubt. */
  async function using<T>(signal: AbortSignal, work: (lent: MysqlConnection) => Promise<T>): Promise<T> {
    const lent = idle.pop() ?? (await connect().catch(lostConnection))
    lentOut += 1
    // mysql2's own time-out leaves a connection that can't be used; a destroyed one is replaced.
    const destroy = () => lent.connection.destroy()
    if (signal.aborted) destroy()
    signal.addEventListener('abort', destroy, { once: true })
    try {
      const result = await work(lent)
      if (!signal.aborted) idle.push(lent)
      return result
    } catch (error) {
      destroy()
      if (isFatal(error)) lostConnection(error)
      throw error
    } finally {
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
        if (lent.isReadOnly) throw new ConnectionLostError('No host takes writes.')
        await query(lent.connection, 'select 1')
      }),
    async close() {
      for (const { connection } of idle.splice(0)) connection.destroy()
    },
  }
}

interface Statements {
  readonly insert: string
  readonly select: string
}

function statementsFor(tableName: string): Statements {
  const table = escapeId(tableName)
  const selected = Object.entries(selectedColumns).map(([name, column]) => `${column} as ${name}`)
  return {
    insert: `insert into ${table} (${insertedColumns.join(', ')}) values ?`,
    select: `select ${selected.join(', ')} from ${table} where (site, session_key) in (?)`,
  }
}

/**
 * Inserts each session's row unless it has one. The unique key decides, not a look beforehand, so that any number of
 * browsers and replicas may report the same session at the same time.
 *
 * A plain INSERT is all or nothing. When a row was there before, all of them are looked up, and what is missing is
 * inserted again; INSERT IGNORE would do that at once, but cuts values short without a word.
 */
async function insertOnce(
  lent: MysqlConnection,
  statements: Statements,
  lapses: readonly Lapse[],
): Promise<readonly Outcome[]> {
  const outcomes = new Map<string, Outcome>()

  async function put(rows: readonly Lapse[], attempt = 1): Promise<void> {
    if (rows.length === 0) return
    try {
      const ids = await insertAll(lent, statements, rows)
      rows.forEach((lapse, index) => {
        outcomes.set(keyOf(lapse), { row: { id: ids[index] ?? 0, ...lapse }, duplicate: false })
      })
    } catch (error) {
      if (attempt < attempts && hasCode(error, transientCodes)) {
        await sleep(Math.random() * 20 * attempt)
        return put(rows, attempt + 1)
      }
      if (attempt < attempts && hasCode(error, ['ER_DUP_ENTRY'])) {
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

  const firsts = new Map<string, Lapse>()
  for (const lapse of lapses) if (!firsts.has(keyOf(lapse))) firsts.set(keyOf(lapse), lapse)
  await put([...firsts.values()])

  return lapses.map((lapse) => {
    const outcome = outcomes.get(keyOf(lapse)) ?? { refusal: new Error('The row has no outcome.') }
    // Of several reports of one session in one batch, the first one made the row.
    return 'row' in outcome && firsts.get(keyOf(lapse)) !== lapse ? { ...outcome, duplicate: true } : outcome
  })
}

/** @returns the ids, in the order of the rows. */
async function insertAll(
  { connection, isMariadb, idStep }: MysqlConnection,
  { insert }: Statements,
  lapses: readonly Lapse[],
): Promise<number[]> {
  const values = [lapses.map((lapse) => valuesOf(lapse, storedInstant))]
  if (isMariadb) {
    const rows = await query<{ id: number }[]>(connection, `${insert} returning id`, values)
    return rows.map(({ id }) => id)
  }
  const { insertId } = await query<ResultSetHeader>(connection, insert, values)
  // The ids of one INSERT whose number of rows is known follow each other:
  // https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html
  return lapses.map((_, index) => insertId + index * idStep)
}

async function selectRows(
  { connection }: MysqlConnection,
  { select }: Statements,
  lapses: readonly Lapse[],
): Promise<LapseRow[]> {
  const keys = [lapses.map(({ site, sessionKey }) => [site, sessionKey])]
  const records = await query<Record<string, unknown>[]>(connection, select, keys)
  return records.map(rowOf)
}

/** The connection's time zone is UTC. */
function storedInstant(time: Date): string {
  // MySQL takes the T of ISO 8601 as well, and what follows the milliseconds it would take for a time zone.
  return time.toISOString().slice(0, -1)
}

const keyOf = ({ site, sessionKey }: Pick<Lapse, 'site' | 'sessionKey'>) => `${site}\n${sessionKey}`

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** Not an answer of the server to the statement, or one that says that another host takes writes. */
function isFatal(error: unknown): boolean {
  const isAnswer = error instanceof Error && 'sqlState' in error && Boolean(error.sqlState)
  return !isAnswer || hasCode(error, readOnlyCodes)
}

function lostConnection(cause: unknown): never {
  throw new ConnectionLostError(cause instanceof Error ? cause.message : String(cause), { cause })
}
