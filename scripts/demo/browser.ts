import type { LaunchOptions } from 'playwright-core'
import { findProgram } from '../findProgram.ts'

/**
 * How to start the machine's Chromium without a window. It asks nobody but the pages that it is sent to.
 *
 * @throws when there is no Chromium.
 */
export function browserOptions(): LaunchOptions {
  return {
    executablePath: findProgram('chromium'),
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
