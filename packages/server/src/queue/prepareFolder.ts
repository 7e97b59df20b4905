import { mkdirSync, type Stats, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'

const mkdirOptions = { recursive: true, mode: 0o700 }

/**
 * Creates the folder if it is missing.
 *
 * @throws if somebody else could write to it: whoever can, can report ends of sessions.
 */
export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, mkdirOptions)
  checkFolder(folder, await stat(folder))
}

/** The same while the process exits, when nothing asynchronous happens any more. */
export function prepareFolderSync(folder: string): void {
  mkdirSync(folder, mkdirOptions)
  checkFolder(folder, statSync(folder))
}

function checkFolder(folder: string, { mode, uid }: Stats): void {
  const ownUid = process.geteuid?.()
  // Windows has neither user ids nor these permissions.
  if (ownUid === undefined) return
  if (uid !== ownUid && uid !== 0)
    throw new Error(
      `It belongs to another user (uid ${uid}). Set the option queue to a folder of the user that runs the application (uid ${ownUid}).`,
    )
  if ((mode & 0o022) !== 0)
    throw new Error(`Other users can write to it. Take their permission away: chmod go-w ${folder}`)
}
