import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { constants, lstat, open, readdir, rename, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { currentProcess, hasEnded } from './currentProcess.ts'

/** The owner of a file sets its time more often than that. */
const abandonedAfterMs = 60_000
/** In a name, instead of the process that owns the file. */
const nobody = 'nobody'

/** Creates the name of a file that belongs to this process: site, place, process and a random part. */
export function createOwnFileName(site: string): string {
  const { place, pid, startedAt } = currentProcess
  return `${formatSite(site)}.${place}.${pid}-${startedAt}.${randomUUID()}.ndjson`
}

/** Creates the name of a file that any process may take over at once. */
export function createFreeFileName(site: string): string {
  return `${formatSite(site)}.${currentProcess.place}.${nobody}.${randomUUID()}.ndjson`
}

/** Lists the files of a site that nobody owns any more. */
export async function listAbandonedFiles(folder: string, site: string): Promise<string[]> {
  const abandoned: string[] = []
  for (const name of await readdir(folder)) {
    const [fileSite, place = '', owner = '', , extension] = name.split('.')
    if (fileSite !== formatSite(site) || extension !== 'ndjson') continue
    // Another process may have taken the file over in the meantime.
    const stats = await lstat(join(folder, name)).catch(() => undefined)
    if (!stats || !isOwnRegularFile(stats)) continue
    if (isAbandoned(place, owner) || Date.now() - stats.mtimeMs > abandonedAfterMs) abandoned.push(name)
  }
  return abandoned
}

/** Makes a file one of this process. Returns its new name, or nothing if another process was faster. */
export async function claimFile(folder: string, name: string, site: string): Promise<string | undefined> {
  const claimed = createOwnFileName(site)
  try {
    // First, so that nobody mistakes the claimed file for an abandoned one.
    await touchFile(join(folder, name))
    await rename(join(folder, name), join(folder, claimed))
    return claimed
  } catch (error) {
    return ignoreMissingFile(error)
  }
}

/** Lets any process take a file over. */
export async function releaseFile(folder: string, name: string, site: string): Promise<void> {
  await rename(join(folder, name), join(folder, createFreeFileName(site))).catch(ignoreMissingFile)
}

/** Shows other processes that the owner of a file is alive. */
export async function touchFile(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now)
}

/** Reads a file, unless it is something else than a file of this user, such as a link or a pipe. */
export async function readOwnFile(path: string): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    return isOwnRegularFile(await handle.stat()) ? await handle.readFile('utf8') : ''
  } finally {
    await handle.close()
  }
}

function ignoreMissingFile(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

const formatSite = (site: string) => encodeURIComponent(site).replaceAll('.', '%2E')

function isAbandoned(place: string, owner: string): boolean {
  if (owner === nobody) return true
  const [pid, startedAt = ''] = owner.split('-')
  return hasEnded({ place, pid: Number(pid), startedAt })
}

function isOwnRegularFile(stats: Stats): boolean {
  // Windows has no user ids.
  return stats.isFile() && (process.geteuid === undefined || stats.uid === process.geteuid())
}
