import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { findAlias } from '../../domain/decisions/findAlias.ts'
import {
  type Change,
  emptyRecords,
  type SessionRecords,
  type SessionState,
} from '../../domain/decisions/sessionState.ts'
import { ConnectionLostError, type SessionStore } from '../../recording/batchingWriter.ts'
import {
  addAlias,
  addRows,
  decide,
  describeOwner,
  findResumedMarker,
  getKeys,
  getLoneMarker,
  type SessionWork,
  type WorkOutcome,
} from '../../recording/sessionWork.ts'
import { toColumnValues } from '../audit/auditColumns.ts'
import { identifyFile, openSqlite } from '../database/sqlite/sqliteConnection.ts'
import { collectRows, findUnreadKeys, groupRows, toLinkedRow } from './linkedRows.ts'
import { toLiveSession, toLiveValues, toLogoutValues, toRememberedLogout } from './liveColumns.ts'
import { prepareStatements, type SqliteStatements } from './sqliteStatements.ts'

/** How long to wait before another attempt while another process is writing. */
export const busyRetryMs = 20

/** Stores reports in embedded SQLite on this thread: a transaction runs to its end without interruption. */
export function createSqliteSessionStore(path: string, tableName: string): SessionStore {
  let connection: SessionFile | undefined

  function storeAll(works: readonly SessionWork[]): readonly WorkOutcome[] {
    assertSameFile()
    connection ??= openSessionFile(path, tableName)
    const { database, statements } = connection
    // A transaction within another one is a savepoint.
    const storeOne = database.transaction((work: SessionWork) => storeWork(statements, work))
    const outcomes = database
      .transaction(() =>
        works.map((work): WorkOutcome => {
          try {
            return storeOne(work)
          } catch (refusal) {
            // A trigger of the application may refuse one row. An error that ended the transaction fails all reports.
            if (!database.inTransaction) throw refusal
            return { kind: 'failed', refusal }
          }
        }),
      )
      .immediate()
    // A trigger that does not compile, for example because its table is missing, fails until the schema is read again:
    // only a new connection notices that the cause was fixed.
    if (outcomes.some((outcome) => outcome.kind === 'failed' && isCompileError(outcome.refusal))) close()
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
    async store(works, signal) {
      for (;;) {
        try {
          return storeAll(works)
        } catch (error) {
          if (!isBusy(error) || signal.aborted) throw error
          await sleep(busyRetryMs)
        }
      }
    },
    async ping() {
      assertSameFile()
      connection ??= openSessionFile(path, tableName)
      connection.statements.selectLive.get('', '')
    },
    async close() {
      close()
    },
  }
}

/** An open file, and its statements. */
export interface SessionFile {
  readonly fileIdentity: string | undefined
  readonly database: Database.Database
  readonly statements: SqliteStatements
}

export function openSessionFile(path: string, tableName: string): SessionFile {
  // Waiting for a lock here would block the whole process. The store waits without blocking.
  const database = openSqlite(path, 0)
  try {
    return { database, fileIdentity: identifyFile(path), statements: prepareStatements(database, tableName) }
  } catch (error) {
    database.close()
    throw error
  }
}

function storeWork(statements: SqliteStatements, reported: SessionWork): WorkOutcome {
  const work = nameSession(statements, reported)
  const keys = getKeys(work)
  const { site, own, underMarker } = keys
  const records = readRecords(statements, site, own)
  const resumed = findResumedMarker(work, keys, records.live)
  const state: SessionState = {
    own: resumed === undefined ? records : addRows(records, readRecords(statements, site, resumed)),
    underMarker: underMarker === undefined ? emptyRecords : readRecords(statements, site, underMarker),
  }
  const { changes, answer } = decide(work, state)
  const ids = changes.map((change) => writeChange(statements, change))
  if (answer.kind === 'duplicate') return { kind: 'recorded', row: answer.row, duplicate: true }
  if (answer.kind !== 'recorded') return answer
  const id = ids.find((each) => each !== undefined) ?? 0
  return { kind: 'recorded', row: { id, ...answer.row }, duplicate: false }
}

/** Adds the alias to a report with the marker alone, if a session with this marker is stored under its alias. */
function nameSession(statements: SqliteStatements, work: SessionWork): SessionWork {
  const marker = getLoneMarker(work)
  if (marker === undefined) return work
  const { site } = getKeys(work)
  const live = statements.selectLive.get(site, marker)
  if (work.kind === 'activity' && live) return work
  const owner = describeOwner(work, live && toLiveSession(live))
  const alias = findAlias(marker, owner, readLinked(statements, site, marker))
  return alias === undefined ? work : addAlias(work, alias)
}

/** Reads the records of the sessions under an alias that have the marker. If there are many, only of the latest. */
export function readLinked(statements: SqliteStatements, site: string, marker: string): SessionRecords[] {
  return statements.selectLinks
    .all(site, marker, site, marker)
    .map(({ sessionKey }) => readRecords(statements, site, sessionKey))
}

export function readRecords(statements: SqliteStatements, site: string, sessionKey: string): SessionRecords {
  const live = statements.selectLive.get(site, sessionKey)
  const logout = statements.selectLogout.get(site, sessionKey)
  const read = [{ site, sessionKey }]
  const rows = statements.selectRows.all(site, sessionKey).map(toLinkedRow)
  for (let unread = findUnreadKeys(rows, read); unread.length > 0; unread = findUnreadKeys(rows, read)) {
    for (const id of unread) rows.push(...statements.selectRows.all(id.site, id.sessionKey).map(toLinkedRow))
    read.push(...unread)
  }
  return {
    live: live && toLiveSession(live),
    rows: rows.length === 0 ? [] : collectRows({ site, sessionKey }, groupRows(rows)),
    logout: logout && toRememberedLogout(logout),
  }
}

/** @returns the id of a new row of the audit table. */
export function writeChange(statements: SqliteStatements, change: Change): number | undefined {
  switch (change.kind) {
    case 'insertRow': {
      const values = toColumnValues(change.row, formatTime).map((value) =>
        typeof value === 'boolean' ? Number(value) : value,
      )
      return Number(statements.insertRow.run(values).lastInsertRowid)
    }
    case 'insertReturn': {
      const { auditId, site, returnedAt, receivedAt } = change.sessionReturn
      statements.insertReturn.run([auditId, site, formatTime(returnedAt), formatTime(receivedAt)])
      return undefined
    }
    case 'putLive':
      statements.putLive.run(toLiveValues(change.live, formatTime))
      return undefined
    case 'removeLive':
      statements.deleteLive.run([change.live.site, change.live.sessionKey])
      return undefined
    case 'rememberLogout':
      statements.putLogout.run(toLogoutValues(change.logout, formatTime))
      return undefined
  }
}

const formatTime = (time: Date) => time.toISOString()

function isCompileError(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR'
}

export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
}
