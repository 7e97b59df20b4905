import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { program } from '../../src/cli/program.ts'
import { runLapseIn } from '../support/command.ts'

const captureInZsh = fileURLToPath(new URL('../support/captureCompletions.zsh', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  writeFileSync(join(folder, 'a file.json'), '')
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await runLapseIn(folder, ['completion', shell])
    writeFileSync(join(folder, `script.${shell}`), stdout)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const run = async (name: string, args: readonly string[]) =>
  (await promisify(execFile)(findProgram(name), [...args], { cwd: folder })).stdout

/** The completions that each shell offers for a line, sorted. */
const complete = {
  async bash(line: string) {
    const words = line.split(' ')
    const script = `source script.bash; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _lapse; printf '%s\\n' "\${COMPREPLY[@]}"`
    return splitLines(await run('bash', ['-c', script, 'bash', ...words]))
  },
  async zsh(line: string) {
    const output = await run('zsh', ['-f', captureInZsh, 'script.zsh', line])
    return [...output.matchAll(/<(.*)>/g)].map(([, word = '']) => word.replaceAll('\\', '')).sort()
  },
  async fish(line: string) {
    const output = await run('fish', [
      '--no-config',
      '-c',
      'source script.fish; complete -C $argv',
      '--',
      line,
    ])
    return splitLines(output.replaceAll(/\t.*/g, ''))
  },
}

const splitLines = (text: string) => text.split('\n').filter(Boolean).sort()

describe.each(['bash', 'zsh', 'fish'] as const)('In %s, the Tab key completes', (shell) => {
  test.each([
    ['commands', 'lapse se', ['selftest', 'serve', 'sessions']],
    ['subcommands', 'lapse token ', ['create', 'list', 'revoke']],
    ['options', 'lapse list --re', ['--reason', '--revisions']],
    ['values', 'lapse list --site acme --reason i', ['idle_timeout']],
    ['the values of a subcommand', 'lapse token create --scope ', ['read', 'write']],
    ['arguments', 'lapse completion z', ['zsh']],
    ['file names', 'lapse list --config a', ['a file.json']],
    ['nothing after an option with a text', 'lapse list --subject ', []],
  ])('%s', async (_, line, completions) => {
    const offered = await complete[shell](line)
    expect(
      offered.filter((word) => !word.startsWith('-') || completions.some((each) => each.startsWith('-'))),
    ).toEqual(completions)
  })
})

test('Every option of every command is offered', async () => {
  const listCommands = (command: Command): Command[] => [command, ...command.commands.flatMap(listCommands)]
  const getPath = (command: Command): string =>
    command.parent ? `${getPath(command.parent)} ${command.name()}` : command.name()
  const commands = listCommands(program)
  const offered = await Promise.all(commands.map((command) => complete.bash(`${getPath(command)} --`)))
  expect(offered).toEqual(
    commands.map((command) => [...command.options.map(({ long }) => long), '--help'].sort()),
  )
})
