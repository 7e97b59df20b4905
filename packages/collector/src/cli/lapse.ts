#!/usr/bin/env node
import { CommanderError } from 'commander'
import { toError } from '../domain/thrownError.ts'
import { escapeForTerminal } from './output/escapeForTerminal.ts'
import { program } from './program.ts'

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    process.stderr.write(escapeForTerminal(`lapse: ${toError(error).message}\n`))
    process.exitCode = 1
  }
}
