import { type CompletedCommand, type CompletedOption, listCommands } from './describeCommands.ts'
import { quoteForShell } from './quoteForShell.ts'

/** Generates the completion script for bash. It uses nothing that the bash 3.2 of macOS lacks. */
export function generateBashCompletion(root: CompletedCommand): string {
  const commands = listCommands(root)
  const names = commands.slice(1).map(({ path }) => quoteForShell(path.join(' ')))
  return `# bash completion for lapse
_lapse() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= words= index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${path:+$path }\${COMP_WORDS[index]}" in
      ${names.join('|')}) path="\${path:+$path }\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path $previous" in
${commands.flatMap(formatValues).join('\n')}
  esac
  case "$path" in
${commands.map(formatWords).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _lapse lapse
`
}

/** The branches for the options of a command that take a value. */
function formatValues({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ flags, value }) => {
    if (value === undefined) return []
    const patterns = flags.map((flag) => quoteForShell(`${path.join(' ')} ${flag}`)).join('|')
    return `    ${patterns}) ${formatReply(value)}return ;;`
  })
}

function formatReply(value: NonNullable<CompletedOption['value']>): string {
  if (value.kind === 'choices')
    return `COMPREPLY=($(compgen -W ${quoteForShell(value.choices.join(' '))} -- "$current")); `
  // Without \`compopt\`, bash 3.2 does not escape spaces in file names.
  if (value.kind === 'file')
    return `compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$current")); `
  return ''
}

/** The branch for the words that may follow a command. */
function formatWords({ path, options, commands, arguments: values }: CompletedCommand): string {
  const words = [
    ...commands.map((command) => command.path.at(-1)),
    ...values.flatMap((value) => (value.kind === 'choices' ? value.choices : [])),
    ...options.flatMap(({ flags }) => flags),
  ]
  return `    ${quoteForShell(path.join(' '))}) words=${quoteForShell(words.join(' '))} ;;`
}
