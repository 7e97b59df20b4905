import { Argument, Command } from 'commander'
import { generateBashCompletion } from '../completion/bashCompletion.ts'
import { describeCommand } from '../completion/describeCommands.ts'
import { generateFishCompletion } from '../completion/fishCompletion.ts'
import { generateZshCompletion } from '../completion/zshCompletion.ts'
import { addExamples } from '../options/examples.ts'

const generators = {
  bash: generateBashCompletion,
  zsh: generateZshCompletion,
  fish: generateFishCompletion,
} as const

const shells = Object.keys(generators)

/** `lapse completion` prints the completion script of a shell. */
export const completion = new Command('completion')
  .summary('print a shell completion script')
  .description(
    'Print a script that lets the Tab key complete commands, options, their values and file names. The command must be in the PATH, so completion does not work with npx.',
  )
  .addArgument(new Argument('<shell>', 'the shell').choices(shells))
  .action((shell: keyof typeof generators, _: unknown, command: Command) => {
    const root = describeCommand(command.parent ?? command)
    process.stdout.write(generators[shell](root))
  })
addExamples(completion, [
  {
    line: 'source <(lapse completion bash)',
    description: 'Bash: add this line to ~/.bashrc.',
  },
  {
    line: 'source <(lapse completion zsh)',
    description: 'Zsh: add this line to ~/.zshrc, after compinit.',
  },
  {
    line: 'lapse completion fish > ~/.config/fish/completions/lapse.fish',
    description: 'Fish: run this command once, and again after an update.',
  },
])
