import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { readErrorCode } from '../../../domain/thrownError.ts'

/** The file of an SQLite database cannot be used. The message says what to do. */
export class SqliteFileError extends Error {
  override readonly name = 'SqliteFileError'
}

/** What to do if the file cannot be created, by Node's error code. */
const remedies: Readonly<Record<string, string>> = {
  EACCES: 'Allow this account to write to the folder, or correct the path in "database".',
  EPERM: 'Allow this account to write to the folder, or correct the path in "database".',
  EROFS: 'The file system is read-only. Correct the path in "database".',
  ENOSPC: 'Free up disk space, or correct the path in "database".',
  ENOTDIR: 'A part of the path is a file, not a folder. Correct the path in "database".',
  ENAMETOOLONG: 'The path is too long. Correct the path in "database".',
}

/**
 * Creates the file of an SQLite database if it does not exist, readable by its owner only. SQLite gives the files next
 * to it (`-wal`, `-shm`) the same permissions. An existing file keeps its permissions.
 *
 * @throws {SqliteFileError}
 */
export function createSqliteFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    const code = readErrorCode(cause)
    if (code === 'EEXIST') {
      assertNotFolder(path)
      return
    }
    if (code === 'ENOENT')
      throw new SqliteFileError(
        `the folder ${dirname(path)} is missing. Create it, or correct the path in "database".`,
        { cause },
      )
    const remedy = remedies[String(code)] ?? `${String(cause)}. Correct the path in "database".`
    throw new SqliteFileError(`the file cannot be created. ${remedy}`, { cause })
  }
}

function assertNotFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new SqliteFileError(`${path} is a folder, not a file. Correct the path in "database".`)
}

/** @throws if there is no file. Opening it would create an empty database. */
export function assertSqliteFile(path: string): void {
  assertNotFolder(path)
  if (!existsSync(path)) throw new Error(`Database file ${path} not found. Run: lapse migrate`)
}
