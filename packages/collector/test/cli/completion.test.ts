import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { program } from '../../src/cli/program.ts'
import { runLapseIn } from '../support/command.ts'

const captureInZsh = fileURLToPath(new URL('../support/captureCompletions.zsh', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  writeFileSync(join(folder, 'a file.json'), '')
  const writeScript = async (shell: string) => {
    const { stdout } = await runLapseIn(folder, ['completion', shell])
    writeFileSync(join(folder, `script.${shell}`), stdout)
  }
  await Promise.all(['bash', 'zsh', 'fish'].map(writeScript))
})
afterAll(() => rmSync(folder, { recursive: true }))

const run = async (name: string, args: readonly string[]) =>
  (await promisify(execFile)(findProgram(name), [...args], { cwd: folder, timeout: 20_000 })).stdout

/** The completions that each shell offers for some lines. */
const complete = {
  async bash(lines: readonly string[]) {
    const script = `source script.bash
      for line; do
        read -ra COMP_WORDS <<<"$line"; [[ $line == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _lapse; printf '%s\\n' "\${COMPREPLY[@]}" '<end>'
      done`
    return splitCompletions(await run('bash', ['-c', script, 'bash', ...lines]))
  },
  async zsh(lines: readonly string[]) {
    const output = await run('zsh', ['-f', captureInZsh, 'script.zsh', ...lines])
    const marked = [...output.matchAll(/<(end|.*)>/g)].map(([text, word]) => (word === 'end' ? text : word))
    return splitCompletions(marked.join('\n').replaceAll('\\', ''))
  },
  async fish(lines: readonly string[]) {
    const script = "source script.fish; for line in $argv; complete -C $line; echo '<end>'; end"
    const output = await run('fish', ['--no-config', '-c', script, '--', ...lines])
    return splitCompletions(output.replaceAll(/\t.*/g, ''))
  },
}

const splitCompletions = (output: string) =>
  output
    .split('<end>')
    .slice(0, -1)
    .map((part) => part.split('\n').filter(Boolean).sort())

const expected = {
  'lapse se': ['selftest', 'serve', 'sessions'],
  'lapse token ': ['create', 'list', 'revoke'],
  'lapse list --re': ['--reason', '--revisions'],
  'lapse list --site acme --reason i': ['idle_timeout'],
  'lapse token create --scope ': ['read', 'write'],
  'lapse completion z': ['zsh'],
  'lapse list --config a': ['a file.json'],
  'lapse list --subject ': [],
}

test.each(['bash', 'zsh', 'fish'] as const)(
  'In %s, the Tab key completes commands, options, values and file names',
  async (shell) => {
    const lines = Object.keys(expected)
    const completions = await complete[shell](lines)
    // After a space, bash also offers options.
    const offered = lines.map((line, index) => {
      const words = completions[index] ?? []
      return [line, line.includes('--re') ? words : words.filter((word) => !word.startsWith('-'))]
    })
    expect(Object.fromEntries(offered)).toEqual(expected)
  },
)

test('Every option of every command is offered', async () => {
  const listCommands = (command: Command): Command[] => [command, ...command.commands.flatMap(listCommands)]
  const getPath = (command: Command): string =>
    command.parent ? `${getPath(command.parent)} ${command.name()}` : command.name()
  const commands = listCommands(program)
  expect(await complete.bash(commands.map((command) => `${getPath(command)} --`))).toEqual(
    commands.map((command) => [...command.options.map(({ long }) => long), '--help'].sort()),
  )
})
