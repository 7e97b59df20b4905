import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { LaunchOptions } from 'playwright-core'

/**
 * How to start the machine's Chromium without a window. It asks nobody but the pages that it is sent to.
 *
 * @throws when there is no Chromium.
 */
export function browserOptions(): LaunchOptions {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const executablePath = folders.map((folder) => join(folder, 'chromium')).find((path) => existsSync(path))
  if (!executablePath)
    throw new Error('chromium is not found. "npm run setup" installs it, or says what to install.')
  return {
    executablePath,
    args: [
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // Chromium's sandbox does not start for root, as which containers and CI run.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  }
}
