import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { ConnectionLostError, type Inserter, type Outcome } from '../../recording/batchingWriter.ts'
import { fileIdentity, openSqlite } from '../database/sqlite/sqliteConnection.ts'
import { sqliteQuotes } from '../mirror/mirrorTrigger.ts'
import { insertedColumns, selectedColumns, toColumnValues, toSessionEnd } from './auditColumns.ts'

/** How long to wait for another process that is writing, in milliseconds. */
const busyMs = 20

/** Writes to embedded SQLite by a connection of its own. A transaction runs at once, and nothing else meanwhile. */
export function sqliteInserter(path: string, tableName: string): Inserter {
  let statements: Statements | undefined

  function writeAll(lapses: readonly NewSessionEnd[]): readonly Outcome[] {
    assertSameFile()
    statements ??= prepare(path, tableName)
    const { database, insert, select } = statements
    const write = (lapse: NewSessionEnd): Outcome => {
      try {
        const { changes, lastInsertRowid } = insert.run(stored(lapse))
        if (changes === 1) return { row: { id: Number(lastInsertRowid), ...lapse }, duplicate: false }
        return { row: toSessionEnd(select.get(lapse.site, lapse.sessionKey) ?? {}), duplicate: true }
      } catch (refusal) {
        // A trigger of the host's may refuse one row. What ends the transaction fails all of it.
        if (!database.inTransaction) throw refusal
        return { refusal }
      }
    }
    const outcomes = database.transaction(() => lapses.map(write)).immediate()
    // A host's trigger does not compile, such as without its table. When that is mended, only a connection that
    // reads the schema anew sees it.
    if (outcomes.some((outcome) => 'refusal' in outcome && isUncompiled(outcome.refusal))) end()
    return outcomes
  }

  /** Looked up for each batch, which takes a hundred times as long. */
  function assertSameFile(): void {
    if (!statements || fileIdentity(path) === statements.identity) return
    end()
    throw new ConnectionLostError(`The file ${path} was deleted or replaced.`)
  }

  function end(): void {
    statements?.database.close()
    statements = undefined
  }

  return {
    // SQLite has one writer.
    lanes: 1,
    get connections() {
      return statements ? 1 : 0
    },
    async insert(lapses, signal) {
      for (;;) {
        try {
          return writeAll(lapses)
        } catch (error) {
          if (!isBusy(error) || signal.aborted) throw error
          await sleep(busyMs)
        }
      }
    },
    async ping() {
      statements ??= prepare(path, tableName)
    },
    async close() {
      end()
    },
  }
}

interface Statements {
  readonly identity: string | undefined
  readonly database: Database.Database
  readonly insert: Database.Statement<unknown[]>
  readonly select: Database.Statement<[string, string], Record<string, unknown>>
}

function prepare(path: string, tableName: string): Statements {
  // Waiting here would stop the whole process; the inserter waits without.
  const database = openSqlite(path, 0)
  try {
    const table = sqliteQuotes.name(tableName)
    const names = insertedColumns.join(', ')
    const places = insertedColumns.map(() => '?').join(', ')
    const selected = Object.entries(selectedColumns).map(([name, column]) => `${column} as ${name}`)
    return {
      database,
      identity: fileIdentity(path),
      insert: database.prepare(
        `insert into ${table} (${names}) values (${places}) on conflict (site, session_key) do nothing`,
      ),
      select: database.prepare(
        `select ${selected.join(', ')} from ${table} where site = ? and session_key = ?`,
      ),
    }
  } catch (error) {
    database.close()
    throw error
  }
}

function stored(lapse: NewSessionEnd) {
  return toColumnValues(lapse, (time) => time.toISOString()).map((value) =>
    typeof value === 'boolean' ? Number(value) : value,
  )
}

function isUncompiled(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR'
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
}
