import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { hasErrorCode } from '../../domain/thrownError.ts'

/** A file of the dashboard as Vite built it, in memory. */
export interface DashboardFile {
  readonly type: string
  readonly body: Buffer
  readonly zipped: Buffer
}

// The same from `src/http/files/`, when the sources run, as from `dist/http/files/`.
const folder = new URL('../../../dist/dashboard/', import.meta.url)

/** @returns undefined if the dashboard has not been built. */
export function loadDashboardPage(): DashboardFile | undefined {
  return readIfBuilt(() => readFile('index.html'))
}

/** Loads the scripts and styles by their names, which contain hashes of their content. */
export function loadDashboardAssets(): ReadonlyMap<string, DashboardFile> {
  const names = readIfBuilt(() => readdirSync(new URL('dashboard/', folder))) ?? []
  return new Map(names.map((name) => [name, readFile(`dashboard/${name}`)]))
}

function readIfBuilt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (hasErrorCode(error, ['ENOENT'])) return undefined
    throw error
  }
}

function readFile(name: string): DashboardFile {
  const body = readFileSync(new URL(name, folder))
  return { type: extname(name), body, zipped: gzipSync(body, { level: 9 }) }
}
