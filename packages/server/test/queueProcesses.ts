import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const script = fileURLToPath(new URL('queueWriter.ts', import.meta.url))

/** Returns the path of a folder for a queue that does not exist yet. */
export function createFolderPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'lapse-test-')), 'queue')
}

export function listFiles(folder: string): string[] {
  return readdirSync(folder).map((name) => join(folder, name))
}

/** Returns the aliases of rows, in alphabetical order. */
export function readAliases(rows: readonly Record<string, unknown>[]) {
  return rows.map(({ session }) => session).sort()
}

/** Returns what is in the files of a folder. */
export function readFiles(folder: string): string {
  try {
    return listFiles(folder)
      .map((file) => readFileSync(file, 'utf8'))
      .join('')
  } catch {
    // The folder, or a file of another process, is missing.
    return ''
  }
}

/** Starts a process that uses the folder. Nobody accepts its reports, unless `env` says otherwise. */
export function spawnWriter(
  folder: string,
  env: NodeJS.ProcessEnv,
  command: readonly string[] = [],
  cwd?: string,
): ChildProcess {
  const [program = process.execPath, ...args] = [...command, process.execPath, script]
  // Nobody listens on this port.
  const defaults = { QUEUE: folder, LAPSE_COLLECTOR: 'http://127.0.0.1:9', LAPSE_TOKEN: 'unused' }
  return spawn(program, args, { cwd, env: { ...process.env, ...defaults, ...env } })
}

/** Starts a process, and waits until all of its reports are in its file. */
export async function startWriter(
  folder: string,
  name: string,
  count: number,
  site = 'acme',
): Promise<ChildProcess> {
  const child = spawnWriter(folder, { NAME: name, COUNT: String(count), SITE: site })
  await expect.poll(() => readFiles(folder)).toContain(`"${name}${count - 1}"`)
  return child
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
