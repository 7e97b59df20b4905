import { statSync } from 'node:fs'
import Database from 'better-sqlite3'

/**
 * Opens an SQLite file with a write-ahead log and durable commits. It does not create a missing file, because other
 * accounts could read the new file.
 */
export function openSqlite(path: string, busyTimeoutMs: number): Database.Database {
  const database = new Database(path, { timeout: busyTimeoutMs, fileMustExist: true })
  try {
    database.pragma('journal_mode = WAL')
    // NORMAL, which is common with WAL, can lose acknowledged rows in a power failure.
    database.pragma('synchronous = FULL')
    // Overwrite deleted rows: otherwise they stay readable in the file.
    database.pragma('secure_delete = ON')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Identifies a file, so that a replacement can be detected. A connection to a file that was deleted or replaced
 * continues without an error, and everything that it writes is lost.
 *
 * @returns undefined if there is no file.
 */
export function identifyFile(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
