import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseLocation } from '../store/database/databaseUrl.ts'

/** In that of a database, a password may contain what would end it in other URLs. */
const passwordInUrl =
  /^(?:(?:mysql|mariadb):\/\/[^\s/@:]*:[^\s/]+|[a-z][a-z\d+.-]*:\/\/[^\s/?#@:]*:[^\s/?#]+)@/i

/** Warns of a configuration file that every account of the machine can change, or can read the passwords of. */
export function configFileWarning(file: string): string | undefined {
  const change = changeWarning(file, file)
  if (change !== undefined) return change
  if (!isReadableByAll(file) || !textsIn(JSON.parse(readFileSync(file, 'utf8'))).some(hasPassword))
    return undefined
  return `${file} holds a password, and every account of this machine can read it. Run: chmod 600 ${file}`
}

/** Warns of an SQLite database that every account of the machine can change or read. */
export function databaseFileWarning(location: DatabaseLocation): string | undefined {
  if (location.dialect !== 'sqlite') return undefined
  const { path } = location
  // SQLite keeps files beside it.
  const change = changeWarning(path, `${path}*`)
  if (change !== undefined) return change
  return isReadableByAll(path)
    ? `every account of this machine can read the audit in ${path}. Run: chmod 600 ${path}*`
    : undefined
}

function changeWarning(file: string, files: string): string | undefined {
  if (isReachableByAll(file) && hasMode(resolve(file), othersWrite))
    return `every account of this machine can change ${file}. Run: chmod 600 ${files}`
  const folder = dirname(resolve(file))
  // In a folder with the sticky bit, such as /tmp, only the owner of a file can replace it.
  if (isReachableByAll(file) && hasMode(folder, othersWrite) && !hasMode(folder, sticky))
    return `every account of this machine can replace ${file}. Run: chmod o-w ${folder}`
  return undefined
}

const hasPassword = (text: string) => passwordInUrl.test(text)

/** All texts in a JSON value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

const othersRead = 0o004
const othersWrite = 0o002
const othersEnter = 0o001
const sticky = 0o1000

function isReadableByAll(file: string): boolean {
  return isReachableByAll(file) && hasMode(resolve(file), othersRead)
}

function isReachableByAll(file: string): boolean {
  // Windows has other rights, which these bits do not show.
  if (process.platform === 'win32') return false
  return parentsOf(resolve(file)).every((folder) => hasMode(folder, othersEnter))
}

function hasMode(path: string, bits: number): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & bits) !== 0
}

function parentsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}
