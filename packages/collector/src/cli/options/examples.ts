import type { Command } from 'commander'

/** A command line, and what it does. */
export interface CommandExample {
  readonly line: string
  readonly description: string
}

const examplesOfCommands = new WeakMap<Command, readonly CommandExample[]>()

/** Adds examples to the help of a command and to the reference. */
export function addExamples(command: Command, examples: readonly CommandExample[]): Command {
  examplesOfCommands.set(command, examples)
  const lines = examples.map(({ line, description }) => `  # ${description}\n  ${line}`)
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

export function getExamples(command: Command): readonly CommandExample[] {
  return examplesOfCommands.get(command) ?? []
}
