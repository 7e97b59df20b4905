import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { ConnectionLostError, type Inserter, type InsertOutcome } from '../../recording/batchingWriter.ts'
import { sqliteQuotes } from '../database/quotes.ts'
import { identifyFile, openSqlite } from '../database/sqlite/sqliteConnection.ts'
import { insertedColumns, selectedColumns, toColumnValues, toSessionEnd } from './auditColumns.ts'

/** How long to wait before another attempt while another process is writing. */
const busyRetryMs = 20

/** Inserts into embedded SQLite on this thread: a transaction runs to its end without interruption. */
export function createSqliteInserter(path: string, tableName: string): Inserter {
  let connection: Connection | undefined

  function insertAll(sessionEnds: readonly NewSessionEnd[]): readonly InsertOutcome[] {
    assertSameFile()
    connection ??= open(path, tableName)
    const { database, insert, select } = connection
    const insertOne = (sessionEnd: NewSessionEnd): InsertOutcome => {
      try {
        const { changes, lastInsertRowid } = insert.run(toValues(sessionEnd))
        if (changes === 1) return { row: { id: Number(lastInsertRowid), ...sessionEnd }, duplicate: false }
        const existing = select.get(sessionEnd.site, sessionEnd.sessionKey) ?? {}
        return { row: toSessionEnd(existing), duplicate: true }
      } catch (refusal) {
        // A trigger of the application may refuse one row. An error that ended the transaction fails the whole batch.
        if (!database.inTransaction) throw refusal
        return { refusal }
      }
    }
    const outcomes = database.transaction(() => sessionEnds.map(insertOne)).immediate()
    // A trigger that does not compile, for example because its table is missing, fails until the schema is read again:
    // only a new connection notices that the cause was fixed.
    if (outcomes.some((outcome) => 'refusal' in outcome && isCompileError(outcome.refusal))) close()
    return outcomes
  }

  /** Checked for every batch: it takes a hundredth of the time of the insert. */
  function assertSameFile(): void {
    if (!connection || identifyFile(path) === connection.fileIdentity) return
    close()
    throw new ConnectionLostError(`The file ${path} was deleted or replaced.`)
  }

  function close(): void {
    connection?.database.close()
    connection = undefined
  }

  return {
    // SQLite allows one writer at a time.
    concurrency: 1,
    get connections() {
      return connection ? 1 : 0
    },
    async insert(sessionEnds, signal) {
      for (;;) {
        try {
          return insertAll(sessionEnds)
        } catch (error) {
          if (!isBusy(error) || signal.aborted) throw error
          await sleep(busyRetryMs)
        }
      }
    },
    async ping() {
      assertSameFile()
      connection ??= open(path, tableName)
      connection.select.get('', '')
    },
    async close() {
      close()
    },
  }
}

interface Connection {
  readonly fileIdentity: string | undefined
  readonly database: Database.Database
  readonly insert: Database.Statement<unknown[]>
  readonly select: Database.Statement<[string, string], Record<string, unknown>>
}

function open(path: string, tableName: string): Connection {
  // Waiting for a lock here would block the whole process. The inserter waits without blocking.
  const database = openSqlite(path, 0)
  try {
    const table = sqliteQuotes.name(tableName)
    const placeholders = insertedColumns.map(() => '?').join(', ')
    const selected = Object.entries(selectedColumns).map(([property, column]) => `${column} as ${property}`)
    return {
      database,
      fileIdentity: identifyFile(path),
      insert: database.prepare(
        `insert into ${table} (${insertedColumns.join(', ')}) values (${placeholders}) on conflict (site, session_key, revision) do nothing`,
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

function toValues(sessionEnd: NewSessionEnd) {
  return toColumnValues(sessionEnd, (time) => time.toISOString()).map((value) =>
    typeof value === 'boolean' ? Number(value) : value,
  )
}

function isCompileError(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR'
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
}
