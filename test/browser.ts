import type { LaunchOptions } from 'playwright-core'
import { findProgram } from '../scripts/findProgram.ts'

/**
 * Options that launch the installed Chromium without a window. It sends no requests of its own, such as update checks.
 *
 * @throws if Chromium is not installed.
 */
export function createBrowserOptions(): LaunchOptions {
  return {
    executablePath: findProgram('chromium'),
    args: [
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // Chromium's sandbox does not start for root. Containers and CI often run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  }
}
