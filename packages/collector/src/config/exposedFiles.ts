import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseLocation } from '../store/database/databaseUrl.ts'

/** The password in a database URL may contain characters that end it in other URLs. */
const passwordInUrl =
  /^(?:(?:mysql|mariadb):\/\/[^\s/@:]*:[^\s/]+|[a-z][a-z\d+.-]*:\/\/[^\s/?#@:]*:[^\s/?#]+)@/i

/** @returns a warning if every account of the machine can change the configuration file or read its passwords. */
export function describeExposedConfigFile(file: string): string | undefined {
  const writeWarning = describeWritableFile(file, file)
  if (writeWarning !== undefined) return writeWarning
  if (!isReadableByAll(file) || !findStrings(JSON.parse(readFileSync(file, 'utf8'))).some(hasPassword))
    return undefined
  return `${file} contains a password, and every account on this machine can read it. Run: chmod 600 ${file}`
}

/** @returns a warning if every account of the machine can change or read an SQLite database. */
export function describeExposedDatabaseFile(location: DatabaseLocation): string | undefined {
  if (location.dialect !== 'sqlite') return undefined
  const { path } = location
  // SQLite keeps further files beside the database: PATH-wal and PATH-shm.
  const writeWarning = describeWritableFile(path, `${path}*`)
  if (writeWarning !== undefined) return writeWarning
  return isReadableByAll(path)
    ? `every account on this machine can read the audit data in ${path}. Run: chmod 600 ${path}*`
    : undefined
}

function describeWritableFile(file: string, files: string): string | undefined {
  if (isReachableByAll(file) && hasMode(resolve(file), othersWrite))
    return `every account on this machine can change ${file}. Run: chmod 600 ${files}`
  const folder = dirname(resolve(file))
  // In a folder with the sticky bit, such as /tmp, only the owner of a file can replace it.
  if (isReachableByAll(file) && hasMode(folder, othersWrite) && !hasMode(folder, sticky))
    return `every account on this machine can replace ${file}. Run: chmod o-w ${folder}`
  return undefined
}

function hasPassword(text: string): boolean {
  return passwordInUrl.test(text)
}

/** Finds all strings in a JSON value. */
function findStrings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(findStrings) : []
}

const othersRead = 0o004
const othersWrite = 0o002
const othersEnter = 0o001
const sticky = 0o1000

function isReadableByAll(file: string): boolean {
  return isReachableByAll(file) && hasMode(resolve(file), othersRead)
}

function isReachableByAll(file: string): boolean {
  // Windows has access control lists, which these bits do not show.
  if (process.platform === 'win32') return false
  return listParentFolders(resolve(file)).every((folder) => hasMode(folder, othersEnter))
}

function hasMode(path: string, bits: number): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & bits) !== 0
}

function listParentFolders(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...listParentFolders(parent)]
}
