#!/usr/bin/env node
import { CommanderError } from 'commander'
import { hasErrorCode, toError } from '../domain/thrownError.ts'
import { escapeForTerminal } from './output/escapeForTerminal.ts'
import { program } from './program.ts'

let hasFailed = false

process.stdout.on('error', (error) => {
  // The reader of a pipe may have read enough, as in `lapse --help | head -1`.
  if (!hasErrorCode(error, ['EPIPE'])) fail(error)
})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    fail(error)
  }
}

/** Prints the first error only: a failed write is both thrown and emitted by the stream. */
function fail(error: unknown): void {
  if (!hasFailed) process.stderr.write(escapeForTerminal(`lapse: ${toError(error).message}\n`))
  hasFailed = true
  process.exitCode = 1
}
