import { statSync } from 'node:fs'
import Database from 'better-sqlite3'

/**
 * Opens an SQLite file as every connection to it must be: with a write-ahead log, and durable. A missing file is not
 * created here, because others could read it.
 */
export function openSqlite(path: string, busyTimeoutMs: number): Database.Database {
  const database = new Database(path, { timeout: busyTimeoutMs, fileMustExist: true })
  try {
    database.pragma('journal_mode = WAL')
    // NORMAL, which is usual with WAL, may lose an acknowledged row in a power failure.
    database.pragma('synchronous = FULL')
    // What is deleted is overwritten: otherwise it stays readable in the file.
    database.pragma('secure_delete = ON')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Tells a file from another one that took its place. A connection to a file that was deleted or replaced goes on without
 * an error, and what it writes is lost.
 *
 * @returns nothing when there is no file.
 */
export function fileIdentity(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
