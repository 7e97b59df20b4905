import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** An SQLite database whose file cannot be used. The message says what to do. */
export class SqliteFileError extends Error {
  override readonly name = 'SqliteFileError'
}

/** What keeps the file from being made, by the code of Node's error. */
const obstacles: Readonly<Record<string, string>> = {
  EACCES: 'Give this account the right to write into the folder.',
  EPERM: 'Give this account the right to write into the folder.',
  EROFS: 'The file system takes no writes.',
  ENOSPC: 'The disk is full: free some space.',
  ENOTDIR: 'A part of the path is a file, not a folder.',
  ENAMETOOLONG: 'The path is too long.',
}

/**
 * Makes the file of an SQLite database, if it is missing, for its owner only. SQLite gives the files that it keeps beside
 * it (`-wal`, `-shm`) the same rights. An existing file keeps its own.
 */
export function createSqliteFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EEXIST') {
      assertNoFolder(path)
      return
    }
    if (code === 'ENOENT')
      throw new SqliteFileError(
        `the folder ${dirname(path)} is missing. Create it, or correct the path in "database".`,
        { cause },
      )
    const obstacle = obstacles[String(code)] ?? String(cause)
    throw new SqliteFileError(`the file cannot be created. ${obstacle} Or correct the path in "database".`, {
      cause,
    })
  }
}

function assertNoFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new SqliteFileError(`${path} is a folder, not a file. Correct the path in "database".`)
}

/** @throws where there is no such file: opening it would make an empty database. */
export function assertSqliteFile(path: string): void {
  assertNoFolder(path)
  if (!existsSync(path)) throw new Error(`Database file ${path} not found. Run: lapse migrate`)
}
