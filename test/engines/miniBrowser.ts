import { globSync } from 'node:fs'
import { findProgram } from '../../scripts/findProgram.ts'
import { type Program, startProgram } from './program.ts'

/** Finds the browser that comes with WebKitGTK. Debian keeps it outside the PATH. */
export function findMiniBrowser(): string {
  const [path] = globSync('/usr/lib/*/webkit2gtk-4.*/MiniBrowser')
  if (path) return path
  throw new Error(
    'MiniBrowser not found. Run "npm run setup": it installs webkit2gtk-driver or tells you how.',
  )
}

/** Runs a command on a virtual display. Without a display, it would wait indefinitely. The folder is for temporary files. */
export function startOnDisplay(folder: string, command: readonly string[], environment = {}): Program {
  return startProgram(findProgram('xvfb-run'), ['-a', ...command], {
    env: { ...process.env, TMPDIR: folder, ...environment },
  })
}
