import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes the file of an SQLite database, if it is missing, for its owner only. SQLite gives the files that it keeps beside
 * it (`-wal`, `-shm`) the same rights. An existing file keeps its own.
 */
export function createSqliteFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw cause
    throw new Error(`the folder ${dirname(path)} is missing. Create it, or correct the path in "database"`, {
      cause,
    })
  }
}

/** @throws where there is no such file: opening it would make an empty database. */
export function assertSqliteFile(path: string): void {
  if (!existsSync(path)) throw new Error(`Database file ${path} not found. Run: lapse migrate`)
}
