#!/usr/bin/env node
import { CommanderError } from 'commander'
import { escapeForTerminal } from './output/escapeForTerminal.ts'
import { program } from './program.ts'

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(escapeForTerminal(`lapse: ${message}\n`))
    process.exitCode = 1
  }
}
