import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../scripts/findProgram.ts'
import { waitUntil } from '../engines/engine.ts'
import { type Program, startProgram } from '../engines/program.ts'

export interface PhpServerOptions {
  readonly documentRoot: string
  readonly port: number
  /** A folder for sessions and temporary files. */
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
}

/** Serves a PHP application with PHP's own web server. */
export async function startPhpServer({
  documentRoot,
  port,
  folder,
  environment,
}: PhpServerOptions): Promise<Program> {
  const temporary = join(folder, 'temporary')
  mkdirSync(temporary, { recursive: true })
  const settings = [`session.save_path=${temporary}`, `sys_temp_dir=${temporary}`]
  const server = startProgram(
    findProgram('php'),
    ['-S', `127.0.0.1:${port}`, '-t', documentRoot, ...settings.flatMap((setting) => ['-d', setting])],
    // With one worker, a page that polls blocks the others.
    { env: { ...process.env, PHP_CLI_SERVER_WORKERS: '6', ...environment } },
  )
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/robots.txt`).then(
      () => true,
      () => false,
    )
  await waitUntil(isUp, `PHP's web server`)
  return server
}
