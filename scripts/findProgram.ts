import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The path of an installed program.
 *
 * @throws when it is not installed.
 */
export function findProgram(name: string): string {
  // Debian keeps servers out of the PATH of ordinary users.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
  if (path) return path
  throw new Error(`${name} is not found. "npm run setup" installs it, or says what to install.`)
}
