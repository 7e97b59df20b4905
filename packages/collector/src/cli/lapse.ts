#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { init } from './commands/init.ts'
import { list } from './commands/list.ts'
import { migrate } from './commands/migrate.ts'
import { mirror } from './commands/mirror.ts'
import { purge } from './commands/purge.ts'
import { rollup } from './commands/rollup.ts'
import { selftest } from './commands/selftest.ts'
import { serve } from './commands/serve.ts'
import { ticket } from './commands/ticket.ts'
import { token } from './commands/token.ts'
import { escapeForTerminal } from './output/escapeForTerminal.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const program = new Command('lapse')
  .description('The collector of Lapse: records which sessions ended, whose they were, when and why.')
  .version(version)
  .exitOverride()
  .addCommand(init)
  .addCommand(serve)
  .addCommand(migrate)
  .addCommand(list)
  .addCommand(token)
  .addCommand(ticket)
  .addCommand(purge)
  .addCommand(mirror)
  .addCommand(selftest)
  .addCommand(rollup)
  .addHelpText('after', '\nExit status: 0 done, 1 failed, 2 used wrongly.')

// A subcommand that was built by itself does not inherit this.
for (const command of [program, ...program.commands].flatMap(({ commands }) => commands))
  command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    process.stderr.write(
      escapeForTerminal(`lapse: ${error instanceof Error ? error.message : String(error)}\n`),
    )
    process.exitCode = 1
  }
}
