import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Whether a browser has written a text to a file of its profile. Anything else is lost if the browser crashes. */
export function isOnDisk(profile: string, text: string): boolean {
  const encodings = [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')]
  return readdirSync(profile, { recursive: true, encoding: 'utf8' }).some((name) => {
    const file = join(profile, name)
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile()) return false
    const content = readFileSync(file)
    return encodings.some((encoded) => content.includes(encoded))
  })
}
