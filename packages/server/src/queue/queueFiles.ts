import { randomUUID } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** The owner of a file sets its time more often than that. */
const abandonedAfterMs = 60_000

/** The files of this process, by their names. */
const ownFiles = new Set<string>()

/** Creates the name of a file that belongs to this process: site, machine, process id and a random part. */
export function claimFileName(site: string): string {
  const name = `${formatSite(site)}.${formatHost()}.${process.pid}.${randomUUID()}.ndjson`
  ownFiles.add(name)
  return name
}

/** Lets another instance in this process take over the file. */
export function releaseFileName(name: string): void {
  ownFiles.delete(name)
}

/** Lists the files of a site whose processes have ended. */
export async function listAbandonedFiles(folder: string, site: string): Promise<string[]> {
  const abandoned: string[] = []
  for (const name of await readdir(folder)) {
    const [fileSite, host, pid, , extension] = name.split('.')
    if (fileSite !== formatSite(site) || extension !== 'ndjson' || ownFiles.has(name)) continue
    const hasEnded = host === formatHost() && !isRunning(Number(pid))
    if (hasEnded || (await isOld(join(folder, name)))) abandoned.push(name)
  }
  return abandoned
}

const formatSite = (site: string) => encodeURIComponent(site).replaceAll('.', '%2E')
const formatHost = () => hostname().replace(/[^A-Za-z0-9-]/g, '_')

function isRunning(pid: number): boolean {
  // A file of this process that no instance owns.
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function isOld(path: string): Promise<boolean> {
  // Another process may have taken the file over in the meantime.
  const stats = await stat(path).catch(() => undefined)
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedAfterMs
}
