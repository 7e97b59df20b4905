import type { Argument, Command, Option } from 'commander'
import { exitStatuses } from '../../packages/collector/src/cli/exitStatus.ts'
import { getExamples } from '../../packages/collector/src/cli/options/examples.ts'
import { periodRule, timeForms } from '../../packages/collector/src/cli/options/timeOptions.ts'
import { program } from '../../packages/collector/src/cli/program.ts'
import { formatValue } from './jsonSchema.ts'
import {
  formatAlternatives,
  formatCode,
  formatCodeBlock,
  formatLink,
  formatTable,
  joinParts,
} from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

/** The reference of the command line, from the commands themselves. */
export function createCommandLinePage(): Page {
  const commands = listCommands(program)
  return {
    file: 'command-line.md',
    title: 'Command line',
    summary: 'Every `lapse` command, with its options, defaults, examples and exit status.',
    body: joinParts(
      'The package `@lapse/collector` contains the command `lapse`. Run it as `npx lapse` where the package is installed.',
      formatTable(
        ['Command', 'Description'],
        commands.map((command) => [
          formatLink(getFullName(command), formatCode(getFullName(command))),
          toSentence(command.summary() || command.description()),
        ]),
      ),
      'Every command has the option `--help`, and `lapse --version` prints the version.',
      '## Exit status',
      formatTable(
        ['Status', 'Meaning'],
        Object.entries(exitStatuses).map(([status, text]) => [status, toSentence(text)]),
      ),
      'Errors and warnings are written to standard error, results to standard output.',
      '## Secrets',
      'Every account on a machine can see the arguments of running commands. Give passwords, tickets and tokens as `env:NAME`, the name of an environment variable. Revoke a token by its id.',
      'Each command needs only the secrets that it uses. `lapse serve` needs those of the sites, and those of the destinations unless `forwardInServe` is `false`. `lapse forward` needs those of the destinations. `lapse ticket` and `lapse selftest` need those of their site. All other commands need none.',
      '## Files',
      'Only `lapse serve` and `lapse migrate` create an SQLite database. All other commands fail if the file is missing.',
      'New configuration files, SQLite databases and self-test reports can be read and changed only by their owner (mode `0600`). Existing files keep their mode. `lapse serve` warns about a database, or a configuration file with a password, that every account on the machine can read, and about either file if every account can change or replace it.',
      '## Durations',
      'Options for a duration accept weeks, days, hours, minutes and seconds, largest unit first: `2w`, `90d`, `12h`, `30m`, `90s` or `1h30m`. A plain number is in seconds, or in days for `lapse token create --expires`.',
      '## Times',
      `The options ${formatCode('--from')} and ${formatCode('--to')} accept these forms. Dates and words are in the time zone of ${formatCode('--time-zone')}. ${formatHelpText(periodRule)}`,
      formatTable(
        ['Form', 'Meaning'],
        timeForms.map(([form, meaning]) => [formatCode(form), toSentence(formatHelpText(meaning))]),
      ),
      ...commands.map(formatCommand),
    ),
  }
}

function listCommands({ commands }: Command): Command[] {
  return commands.flatMap((command) => [command, ...listCommands(command)])
}

function getFullName(command: Command): string {
  return command.parent ? `${getFullName(command.parent)} ${command.name()}` : command.name()
}

function formatCommand(command: Command): string {
  const name = getFullName(command)
  const help = command.createHelp()
  const isGroup = command.commands.length > 0
  const commandArguments = help.visibleArguments(command)
  const options = command.options
  const examples = getExamples(command)
  return joinParts(
    `## ${formatCode(name)}`,
    formatHelpText(requireDescription(command.description(), name)),
    formatCodeBlock('sh not-run', `${name} ${command.usage()}`),
    isGroup &&
      `Commands: ${command.commands.map((each) => formatLink(getFullName(each), formatCode(getFullName(each)))).join(', ')}.`,
    commandArguments.length > 0 &&
      formatTable(
        ['Argument', 'Description'],
        commandArguments.map((argument) => formatArgument(argument, name)),
      ),
    options.length > 0 &&
      formatTable(
        ['Option', 'Default', 'Description'],
        options.map((option) => formatOption(option, name)),
      ),
    examples.length > 0 && (examples.length > 1 ? 'Examples:' : 'Example:'),
    examples.length > 0 &&
      formatCodeBlock(
        'sh not-run',
        examples.map(({ line, description }) => `# ${description}\n${line}`).join('\n\n'),
      ),
  )
}

function formatArgument(argument: Argument, command: string): string[] {
  return [
    formatCode(argument.name()),
    formatHelpText(toSentence(requireDescription(argument.description, `argument of ${command}`))) +
      formatChoices(argument.argChoices),
  ]
}

function formatOption(option: Option, command: string): string[] {
  const [, text = option.description, statedDefault] =
    /^(.*) \(default: (.*)\)$/.exec(option.description) ?? []
  return [
    formatCode(option.flags),
    formatDefault(option, statedDefault),
    formatHelpText(toSentence(requireDescription(text, `${command} ${option.flags}`))) +
      formatChoices(option.argChoices),
  ]
}

function formatChoices(choices: readonly string[] | undefined): string {
  return choices ? ` One of ${formatAlternatives(choices.map(formatCode))}.` : ''
}

function formatDefault(option: Option, statedDefault: string | undefined): string {
  if (option.mandatory) return 'required'
  if (option.defaultValue !== undefined) return formatValue(option.defaultValue)
  if (statedDefault !== undefined) return formatHelpText(statedDefault)
  return option.isBoolean() ? 'off' : 'none'
}

/** Text that is code in the help of a command: options, commands, environment variables, SQL words and file names. */
const codeInHelp =
  /(?<![`\w])(--[a-z][a-z-]*|\$?LAPSE_[A-Z_]+|env:NAME|lapse (?:token )?[a-z]+(?= |,|\.|;|$)|[\w-]+\.config\.json|retentionDays|[a-z]+=[a-z_]+|SIG[A-Z]+|SELECT|DELETE|GET \/v1\/[a-z]+(?:\?after=…)?|NAME|SCHEMA\.NAME|(?<=claim |header )[a-z]+|"[^"]+")(?![`\w])/g

/** Formats plain text of the help as Markdown. */
function formatHelpText(text: string): string {
  return text.replaceAll(/[*<]/g, '\\$&').replaceAll(codeInHelp, formatCode('$1'))
}

function toSentence(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}
