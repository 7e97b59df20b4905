import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseLocation } from './store/databaseUrl.ts'

const passwordInUrl = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@:]*:[^\s/?#]+@/i

/** Warns of a configuration file with a password in it that every account of the machine can read. */
export function configFileWarning(file: string): string | undefined {
  if (!isReadableByAll(file) || !textsIn(JSON.parse(readFileSync(file, 'utf8'))).some(hasPassword))
    return undefined
  return `${file} holds a password, and every account of this machine can read it. Run: chmod 600 ${file}`
}

/** Warns of an SQLite database that every account of the machine can read. */
export function databaseFileWarning(location: DatabaseLocation): string | undefined {
  if (location.dialect !== 'sqlite' || !isReadableByAll(location.path)) return undefined
  const { path } = location
  return `every account of this machine can read the audit in ${path}. Run: chmod 600 ${path}*`
}

const hasPassword = (text: string) => passwordInUrl.test(text)

/** All texts in a JSON value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

const othersRead = 0o004
const othersEnter = 0o001

function isReadableByAll(file: string): boolean {
  // Windows has other rights, which these bits do not show.
  if (process.platform === 'win32') return false
  const path = resolve(file)
  return hasMode(path, othersRead) && parentsOf(path).every((folder) => hasMode(folder, othersEnter))
}

function hasMode(path: string, bits: number): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & bits) !== 0
}

function parentsOf(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}
