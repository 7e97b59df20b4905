import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { check } from './commands/check.ts'
import { completion } from './commands/completion.ts'
import { erase } from './commands/erase.ts'
import { forward } from './commands/forward.ts'
import { history } from './commands/history.ts'
import { init } from './commands/init.ts'
import { list } from './commands/list.ts'
import { migrate } from './commands/migrate.ts'
import { mirror } from './commands/mirror.ts'
import { purge } from './commands/purge.ts'
import { rollup } from './commands/rollup.ts'
import { selftest } from './commands/selftest.ts'
import { serve } from './commands/serve.ts'
import { sessions } from './commands/sessions.ts'
import { summary } from './commands/summary.ts'
import { ticket } from './commands/ticket.ts'
import { token } from './commands/token.ts'
import { exitStatuses } from './exitStatus.ts'
import { refuseRepeatedOptions } from './options/refuseRepeatedOptions.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const statusHelp = Object.entries(exitStatuses).map(([status, meaning]) => `${status} ${meaning}`)

/** The command line. Its texts are the reference in docs/reference/command-line.md. */
export const program = new Command('lapse')
  .description('Runs and manages the Lapse collector, which records why web sessions ended.')
  .version(version, '-V, --version', 'print the version')
  .helpCommand('help [command]', 'print the help of a command')
  .exitOverride()
  .addCommand(init)
  .addCommand(serve)
  .addCommand(migrate)
  .addCommand(check)
  .addCommand(list)
  .addCommand(summary)
  .addCommand(sessions)
  .addCommand(history)
  .addCommand(forward)
  .addCommand(token)
  .addCommand(ticket)
  .addCommand(purge)
  .addCommand(erase)
  .addCommand(mirror)
  .addCommand(selftest)
  .addCommand(rollup)
  .addCommand(completion)
  .addHelpText('after', `\nExit status: ${statusHelp.join(', ')}.`)

// A command inherits these settings only if its parent creates it.
for (const command of [program, ...program.commands].flatMap(({ commands }) => commands)) {
  command.exitOverride().helpOption('-h, --help', 'print this help')
  refuseRepeatedOptions(command)
}
program.helpOption('-h, --help', 'print this help')
