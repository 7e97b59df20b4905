import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Finds an installed program and returns its path.
 *
 * @throws if the program is not installed.
 */
export function findProgram(name: string): string {
  // Debian keeps servers outside the PATH of ordinary users.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
  if (path) return path
  throw new Error(`Program ${name} not found. Run "npm run setup": it installs the program or tells you how.`)
}
