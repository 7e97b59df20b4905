import type { Argument, Command, Option } from 'commander'

/** What a shell can complete in place of a value. */
export type ValueCompletion =
  | { readonly kind: 'none' }
  | { readonly kind: 'file' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] }

export interface CompletedOption {
  /** The long form, and the short one if there is one, with their hyphens. */
  readonly flags: readonly string[]
  readonly description: string
  /** Undefined for a switch, which takes no value. */
  readonly value: ValueCompletion | undefined
  readonly isRepeatable: boolean
}

/** What a shell can complete after a command. */
export interface CompletedCommand {
  /** The words of the command after `lapse`, such as `['token', 'create']`. */
  readonly path: readonly string[]
  readonly summary: string
  readonly options: readonly CompletedOption[]
  readonly arguments: readonly ValueCompletion[]
  readonly commands: readonly CompletedCommand[]
}

/** Describes a command and its subcommands for the generators of completion scripts. */
export function describeCommand(command: Command, path: readonly string[] = []): CompletedCommand {
  const help = command.createHelp()
  return {
    path,
    summary: command.summary() || command.description(),
    options: help.visibleOptions(command).map(describeOption),
    arguments: command.registeredArguments.map(describeValue),
    commands: help
      .visibleCommands(command)
      .filter((subcommand) => subcommand.name() !== 'help')
      .map((subcommand) => describeCommand(subcommand, [...path, subcommand.name()])),
  }
}

/** Lists a command and all commands below it. */
export function listCommands(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(listCommands)]
}

function describeOption(option: Option): CompletedOption {
  return {
    flags: [option.long, option.short].filter((flag) => flag !== undefined && flag !== null),
    description: option.description,
    value: option.required || option.optional ? describeValue(option) : undefined,
    isRepeatable: option.description.includes('repeatable'),
  }
}

function describeValue(value: Option | Argument): ValueCompletion {
  if (value.argChoices) return { kind: 'choices', choices: value.argChoices }
  const isFile = 'flags' in value && value.flags.endsWith('<file>')
  return { kind: isFile ? 'file' : 'none' }
}
