import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A small disk in memory. */
export interface SmallDisk {
  fill(): void
  /** Frees the space that `fill` used. */
  clear(): void
  unmount(): void
}

/**
 * Mounts a disk over a folder.
 *
 * @returns undefined if this process may not mount disks. Only root may.
 */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | undefined {
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
      stdio: 'pipe',
    })
  } catch {
    return undefined
  }
  const ballast = join(folder, 'ballast')
  return {
    fill() {
      const file = openSync(ballast, 'w')
      const chunk = Buffer.alloc(64 * 1024)
      try {
        for (;;) writeSync(file, chunk)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      } finally {
        closeSync(file)
      }
    },
    clear: () => rmSync(ballast, { force: true }),
    unmount: () => void execFileSync('/bin/umount', [folder]),
  }
}
