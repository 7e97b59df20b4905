import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../../scripts/findProgram.ts'

/** The file that applications copy. */
export const lapsePhpPath = fileURLToPath(new URL('../Lapse.php', import.meta.url))

export interface PhpRun {
  readonly status: number
  readonly output: string
  /** PHP's error log. */
  readonly log: string
}

/** The arguments of the constructor, by name. */
export type LapseArguments = Readonly<Record<string, unknown>>

export interface PhpOptions {
  /** Options of the command `php`, before the script. */
  readonly options?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** The options with which PHP has no curl extension. */
export const withoutCurl = ['-n']

/** Runs a script with PHP's command line. The log is its standard error. */
export function runPhp(script: string, { options = [], environment = {} }: PhpOptions = {}): Promise<PhpRun> {
  return new Promise((resolve) => {
    const settings = ['-d', 'display_errors=0', '-d', 'log_errors=1', '-d', 'error_reporting=-1']
    const child = execFile(
      findProgram('php'),
      [...options, ...settings],
      { env: { ...process.env, ...environment } },
      (error, output, log) => resolve({ status: error ? Number(error.code) : 0, output, log }),
    )
    child.stdin?.end(script)
  })
}

/** Runs a script in which `$lapse` is an instance with these arguments. */
export function runLapsePhp(args: LapseArguments, script: string, options?: PhpOptions): Promise<PhpRun> {
  return runPhp(
    `<?php
declare(strict_types=1);
require_once ${JSON.stringify(lapsePhpPath)};
use Lapse\\Lapse;
$lapse = new Lapse(...json_decode(${quotePhp(JSON.stringify(args))}, true));
${script}
`,
    options,
  )
}

/** Quotes a text as a PHP string. */
function quotePhp(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
