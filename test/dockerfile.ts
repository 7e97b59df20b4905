import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { DockerfileParser, type Instruction, ModifiableInstruction } from 'dockerfile-ast'

const run = promisify(execFile)

/** What a container would run. Its paths are those on this machine. */
export interface Image {
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly user: string
  readonly workingDirectory: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthCheck: readonly string[]
}

/** How the steps of a Dockerfile run. */
export interface BuildOptions {
  /** The folder that COPY takes files from. */
  readonly context: string
  /** An existing, empty folder. Each stage gets a folder in it that stands for the root of its file system. */
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  /** The user who runs the RUN steps. Default: the current user. Only root may name another. */
  readonly user: { readonly uid?: number; readonly gid?: number }
}

/**
 * Runs the steps of a Dockerfile in plain folders, because no container engine runs here. This machine stands for the
 * base image, so a RUN step must not use absolute paths.
 *
 * @returns the last stage.
 * @throws when a step fails, or when the Dockerfile has an instruction that is not supported here.
 */
export async function buildImage(dockerfile: string, options: BuildOptions): Promise<Image> {
  const stages = new Map<string, Image>()
  let name = ''
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const stage = stages.get(name)
    if (instruction.getKeyword() === 'FROM') {
      name = readWords(instruction)[2] ?? 'last'
      stages.set(name, createStage(join(options.folder, name)))
    } else if (stage) {
      stages.set(name, await runInstruction(instruction, stage, stages, options))
    }
  }
  const image = stages.get(name)
  if (!image) throw new Error('The Dockerfile has no FROM.')
  return image
}

function createStage(folder: string): Image {
  mkdirSync(folder)
  const nothing = { environment: {}, entrypoint: [], command: [], healthCheck: [] }
  return { folder, user: 'root', workingDirectory: folder, ...nothing }
}

async function runInstruction(
  instruction: Instruction,
  stage: Image,
  stages: ReadonlyMap<string, Image>,
  options: BuildOptions,
): Promise<Image> {
  const text = instruction.getArgumentsContent() ?? ''
  switch (instruction.getKeyword()) {
    case 'WORKDIR': {
      const workingDirectory = join(stage.folder, text)
      mkdirSync(workingDirectory, { recursive: true })
      return { ...stage, workingDirectory }
    }
    case 'COPY': {
      const from = readFlag(instruction, 'from')
      const source = from === undefined ? options.context : stages.get(from)?.folder
      if (source === undefined) throw new Error(`COPY --from=${from}: there is no such stage.`)
      copyFiles(readWords(instruction), source, stage.workingDirectory)
      return stage
    }
    case 'RUN':
      await runShell(text, stage, options)
      return stage
    case 'ENV': {
      const [name = '', value = ''] = text.split('=')
      return { ...stage, environment: { ...stage.environment, [name]: value } }
    }
    case 'USER':
      return { ...stage, user: text }
    case 'ENTRYPOINT':
      return { ...stage, entrypoint: parseCommand(text, stage) }
    case 'CMD':
      return { ...stage, command: parseCommand(text, stage) }
    case 'HEALTHCHECK':
      return { ...stage, healthCheck: parseCommand(text, stage) }
    case 'EXPOSE':
      return stage
    default:
      throw new Error(`${instruction.getInstruction()} is not supported here. Add it to test/dockerfile.ts.`)
  }
}

const readWords = (instruction: Instruction) =>
  instruction.getArguments().map((argument) => argument.getValue())

function readFlag(instruction: Instruction, name: string): string | undefined {
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : []
  return flags.find((flag) => flag.getName() === name)?.getValue() ?? undefined
}

/** Copies files into a folder, or the contents of a folder into another folder, as COPY does. */
function copyFiles(words: readonly string[], source: string, workingDirectory: string): void {
  const target = join(workingDirectory, words.at(-1) ?? '')
  const names = words.slice(0, -1)
  for (const name of names) {
    const destination = names.length > 1 ? join(target, name) : target
    mkdirSync(dirname(destination), { recursive: true })
    cpSync(join(source, name), destination, { recursive: true, verbatimSymlinks: true })
  }
}

async function runShell(text: string, stage: Image, { environment, user }: BuildOptions): Promise<void> {
  if (user.uid !== undefined) await run('chown', ['-R', `${user.uid}:${user.gid}`, stage.folder])
  const env = { ...environment, ...stage.environment }
  await run('sh', ['-c', text], { cwd: stage.workingDirectory, env, maxBuffer: 2 ** 26, ...user })
}

/** Parses the exec form, `["program", "argument"]`. Converts absolute paths of the image to paths of this machine. */
function parseCommand(text: string, { folder }: Image): string[] {
  const words: unknown = JSON.parse(text.slice(text.indexOf('[')))
  if (!Array.isArray(words)) throw new Error(`Write a command as ["program", "argument"], not as ${text}.`)
  return words.map(String).map((word) => (word.startsWith('/') ? join(folder, word) : word))
}
