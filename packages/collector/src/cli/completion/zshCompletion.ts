import {
  type CompletedCommand,
  type CompletedOption,
  listCommands,
  type ValueCompletion,
} from './describeCommands.ts'

/** Generates the completion script for zsh. */
export function generateZshCompletion(root: CompletedCommand): string {
  return `#compdef lapse
# zsh completion for lapse

${listCommands(root).map(formatFunction).join('\n')}
if [[ \${funcstack[1]} == _lapse ]]; then
  _lapse "$@"
else
  compdef _lapse lapse
fi
`
}

const nameFunction = (path: readonly string[]) => ['_lapse', ...path].join('_')

/** zshcompsys: \`_arguments -C\` describes one command, and a state completes its subcommands. */
function formatFunction({ path, options, commands, arguments: values }: CompletedCommand): string {
  const specs = [
    ...options.map(formatOption),
    ...values.map((value, index) => quote(`${index + 1}:value:${formatAction(value)}`)),
    ...(commands.length > 0 ? ["'1: :->command'", "'*:: :->rest'"] : []),
  ]
  const body = `  local curcontext=$curcontext context state state_descr line
  typeset -A opt_args
  _arguments -C ${specs.join(' \\\n    ')}`
  return `${nameFunction(path)}() {
${body}${commands.length > 0 ? formatSubcommands(commands) : ''}
}
`
}

function formatSubcommands(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ path, summary }) =>
    quote(`${escapeColons(path.at(-1) ?? '')}:${summary}`),
  )
  const branches = commands.map(({ path }) => `        ${path.at(-1)}) ${nameFunction(path)} ;;`)
  return `
  case $state in
    command)
      local -a commands=(
        ${described.join('\n        ')}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${branches.join('\n')}
      esac
      ;;
  esac`
}

function formatOption({ flags, description, value, isRepeatable }: CompletedOption): string {
  const others = isRepeatable ? '*' : `(${flags.join(' ')})`
  const text = quote(
    `[${escapeBrackets(description)}]${value === undefined ? '' : `:value:${formatAction(value)}`}`,
  )
  return flags.length > 1
    ? `${quote(others)}{${flags.join(',')}}${text}`
    : `${quote(`${others}${flags.join('')}`)}${text}`
}

function formatAction(value: ValueCompletion): string {
  if (value.kind === 'choices') return `(${value.choices.join(' ')})`
  return value.kind === 'file' ? '_files' : ' '
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const escapeBrackets = (text: string) => text.replaceAll(/[[\]\\]/g, '\\$&')
const escapeColons = (text: string) => text.replaceAll(':', '\\:')
