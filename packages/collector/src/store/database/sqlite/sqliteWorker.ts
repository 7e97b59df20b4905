import { parentPort, workerData } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import { readErrorCode, toError } from '../../../domain/thrownError.ts'
import { sqliteTimeCheck } from '../limitTime.ts'
import { openSqlite } from './sqliteConnection.ts'

/** A statement for the worker thread. */
export interface SqliteRequest {
  readonly id: number
  readonly sql: string
  readonly values: readonly unknown[]
  readonly timeLimitMs: number | undefined
}

/** The result of a statement: rows, the changes of a write, or why it failed. */
export type SqliteReply = { readonly id: number } & (
  | { readonly response: unknown; readonly context: SqliteChanges | undefined }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } }
)

interface SqliteChanges {
  readonly changes: number
  readonly lastID: number
}

/** How long to wait for another process that is writing. The wait blocks this thread only. */
const busyTimeoutMs = 5_000

// This file runs in a worker thread only, where there is a parent port.
const parent = parentPort as NonNullable<typeof parentPort>
const { path }: { readonly path: string } = workerData
let database: Database.Database | undefined
/** When the running statement has to end, in milliseconds of `performance.now()`. */
let deadline = Number.POSITIVE_INFINITY

parent.on('message', (request: SqliteRequest) => {
  parent.postMessage(runRequest(request))
})

function open(): Database.Database {
  const opened = openSqlite(path, busyTimeoutMs)
  opened.function(sqliteTimeCheck, () => {
    if (performance.now() <= deadline) return 1
    throw Object.assign(new Error('the time limit of the statement passed'), { code: 'SQLITE_INTERRUPT' })
  })
  return opened
}

function runRequest({ id, sql, values, timeLimitMs }: SqliteRequest): SqliteReply {
  try {
    database ??= open()
    deadline = timeLimitMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeLimitMs
    const statement = database.prepare(sql)
    if (statement.reader) return { id, response: statement.all(values), context: undefined }
    const { changes, lastInsertRowid } = statement.run(values)
    return { id, response: [], context: { changes, lastID: Number(lastInsertRowid) } }
  } catch (error) {
    return { id, failure: { message: toError(error).message, code: readErrorCode(error) } }
  }
}
