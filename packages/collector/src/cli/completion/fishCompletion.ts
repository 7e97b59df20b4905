import { type CompletedCommand, type CompletedOption, listCommands } from './describeCommands.ts'

/** Generates the completion script for fish. */
export function generateFishCompletion(root: CompletedCommand): string {
  const commands = listCommands(root)
  const names = commands.slice(1).map(({ path }) => quote(path.join(' ')))
  return `# fish completion for lapse
function __lapse_command_is
    set -l path
    for word in (commandline -opc)[2..-1]
        switch "$path $word"
            case ${names.map((name) => name.replace("'", "' ")).join(' ')}
                set path "$path $word"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c lapse -f
${commands.flatMap(formatCommand).join('\n')}
`
}

function formatCommand({ path, options, commands, arguments: values }: CompletedCommand): string[] {
  // In the script, each word of a path has a space before it.
  const condition = quote(`__lapse_command_is ${quote(path.map((word) => ` ${word}`).join(''))}`)
  const start = `complete -c lapse -n ${condition}`
  return [
    ...commands.map((command) => `${start} -a ${command.path.at(-1)} -d ${quote(command.summary)}`),
    ...values.flatMap((value) =>
      value.kind === 'choices' ? `${start} -a ${quote(value.choices.join(' '))}` : [],
    ),
    ...options.map((option) => `${start} ${formatOption(option)} -d ${quote(option.description)}`),
  ]
}

function formatOption({ flags, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  if (value === undefined) return names.join(' ')
  if (value.kind === 'choices') return `${names.join(' ')} -x -a ${quote(value.choices.join(' '))}`
  return `${names.join(' ')} ${value.kind === 'file' ? '-r -F' : '-x'}`
}

/** In single quotes, fish treats only quotes and backslashes specially. */
const quote = (text: string) => `'${text.replaceAll(/[\\']/g, '\\$&')}'`
