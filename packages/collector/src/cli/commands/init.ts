import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { type ConfigInput, parseConfig } from '../../config/config.ts'
import { defaultConfigPath, resolveConfigPath } from '../../config/loadConfig.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { configFlags } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseSeconds } from '../options/parseSeconds.ts'
import { writePrivateFile } from '../output/writePrivateFile.ts'

interface InitOptions {
  readonly config?: string
  readonly site: string
  readonly origin: string
  readonly idleTimeout?: number
  readonly absoluteTimeout?: number
  readonly database: string
  readonly force?: true
}

const defaultIdleTimeoutSeconds = 1800

/** `lapse init` writes a configuration that `lapse serve` accepts. */
export const init = new Command('init')
  .summary('write a configuration file to start with')
  .description(
    'Write a configuration file with one site, and print the next steps. Only its owner can read the file. An existing file is not replaced without --force.',
  )
  .option(configFlags, `the file to write (default: $LAPSE_CONFIG, otherwise ${defaultConfigPath})`)
  .option('--site <name>', 'the name of the audited application', 'app')
  .option('--origin <origin>', "the origin of the application's pages", 'http://localhost:3000')
  .option(
    '--idle-timeout <duration>',
    "the application's idle timeout, such as 30m, or in seconds (default: 30m)",
    parseSeconds,
  )
  .option(
    '--absolute-timeout <duration>',
    "the application's limit on the total age of a session, such as 12h, or in seconds (default: none)",
    parseSeconds,
  )
  .option(
    '--database <url>',
    'the database; env:NAME writes only the name of an environment variable that holds the URL, so that no password is in the file',
    'sqlite:lapse.sqlite',
  )
  .option('--force', 'replace an existing file')
  .action((options: InitOptions) => {
    const file = resolveConfigPath(options.config)
    const config = createConfig(options)
    // Also checks the options.
    const { listen, database } = parseConfig(
      config,
      { ...process.env, LAPSE_DATABASE_URL: undefined },
      'the options',
      dirname(resolve(file)),
    )
    writeConfigFile(file, config, options.force ?? false)
    const configArgument =
      resolve(file) === resolve(resolveConfigPath()) ? '' : ` --config ${quoteForShell(file)}`
    const steps = [
      ...(database.dialect === 'sqlite'
        ? []
        : [{ step: `lapse migrate${configArgument}`, effect: 'create the audit table' }]),
      { step: `lapse serve${configArgument}`, effect: 'start the collector' },
      {
        step: `http://${listen.host}:${listen.port}/tag?site=${options.site}`,
        effect: 'copy the script tags, which contain the idle timeout',
      },
    ]
    const width = Math.max(...steps.map(({ step }) => step.length))
    const lines = steps.map(({ step, effect }) => `  ${step.padEnd(width)}  (${effect})\n`)
    const location = database.dialect === 'sqlite' ? ` Rows will be stored in ${database.path}.` : ''
    process.stdout.write(`Wrote ${file}.${location} Next steps:\n\n${lines.join('')}`)
  })
addExamples(init, [
  {
    line: 'lapse init --site acme --origin https://app.acme.com --idle-timeout 30m',
    description: 'Write lapse.config.json for an application with an idle timeout of 30 minutes.',
  },
  {
    line: 'lapse init --database env:DATABASE_URL',
    description: 'Read the database URL from the environment variable DATABASE_URL, now and at each start.',
  },
])

function createConfig(options: InitOptions): ConfigInput {
  const { site, origin, idleTimeout = defaultIdleTimeoutSeconds, absoluteTimeout, database } = options
  return {
    database,
    sites: {
      [site]: {
        origins: [origin],
        idleTimeoutSeconds: idleTimeout,
        ...(absoluteTimeout !== undefined && { absoluteTimeoutSeconds: absoluteTimeout }),
      },
    },
  }
}

function writeConfigFile(file: string, config: ConfigInput, replace: boolean): void {
  try {
    writePrivateFile(file, `${JSON.stringify(config, undefined, 2)}\n`, { replace })
  } catch (cause) {
    const exists = hasErrorCode(cause, ['EEXIST'])
    throw new Error(
      exists
        ? `Configuration file ${file} already exists. Use --force to replace it.`
        : `Configuration file ${file} cannot be written: ${cause}. Name another file with --config.`,
      { cause },
    )
  }
}

function quoteForShell(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
