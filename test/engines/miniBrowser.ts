import { globSync } from 'node:fs'
import { findProgram } from '../../scripts/findProgram.ts'
import { type Program, startProgram } from './program.ts'

/** The browser that comes with WebKitGTK's library. Debian keeps it out of the PATH. */
export function miniBrowser(): string {
  const [path] = globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser')
  if (path) return path
  throw new Error(
    'MiniBrowser is not found. "npm run setup" installs webkit2gtk-driver, or says what to install.',
  )
}

/** Runs a command on a virtual display, without which it waits for ever. What that leaves is put into the folder. */
export function startOnDisplay(folder: string, command: readonly string[], environment = {}): Program {
  return startProgram(findProgram('xvfb-run'), ['-a', ...command], {
    env: { ...process.env, TMPDIR: folder, ...environment },
  })
}
