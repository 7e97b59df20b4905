import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Tab } from '../engines/engine.ts'

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

/** Fills the localStorage of a page to the last character. */
export async function fillStorage(tab: Tab): Promise<void> {
  await tab.evaluate(`(() => {
    for (let size = 2 ** 22; size >= 1; size /= 2) {
      for (let n = 0; n < 16; n++) {
        try { localStorage['full-' + size + '-' + n] = 'x'.repeat(size) } catch { break }
      }
    }
  })()`)
}
