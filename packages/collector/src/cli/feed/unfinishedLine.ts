import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const stdout = 1
const lineFeed = 10

/**
 * Returns whether standard output is a file that ends within a line. A process that was killed while it printed leaves
 * such a line, and the next row would become a part of it.
 */
export function endsWithinLine(): boolean {
  const last = Buffer.alloc(1)
  try {
    const stats = fstatSync(stdout)
    if (!stats.isFile() || stats.size === 0) return false
    // Standard output itself may be open for writing only.
    const descriptor = openSync(`/dev/fd/${stdout}`, 'r')
    try {
      readSync(descriptor, last, 0, 1, stats.size - 1)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // The account may not read the file, or the system has no such path.
    return false
  }
  return last[0] !== lineFeed
}
