import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { type ConfigInput, parseConfig } from '../../config/config.ts'
import { defaultConfigPath, resolveConfigPath } from '../../config/loadConfig.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { quoteForShell } from '../completion/quoteForShell.ts'
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
    const location = database.dialect === 'sqlite' ? ` Rows will be stored in ${database.path}.` : ''
    const url = `http://${formatHost(listen.host)}:${listen.port}`
    const steps = listSteps({
      lapse: findCommandName(),
      configArgument:
        resolve(file) === resolve(resolveConfigPath()) ? '' : ` --config ${quoteForShell(file)}`,
      isEmbedded: database.dialect === 'sqlite',
      url,
      site: options.site,
    })
    const lines = steps.map(({ purpose, action }, index) => `${index + 1}. ${purpose}:\n     ${action}\n`)
    process.stdout.write(`Wrote ${file}.${location}\n\nNext steps:\n\n${lines.join('')}`)
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

interface StepContext {
  /** How the user runs the command. */
  readonly lapse: string
  readonly configArgument: string
  readonly isEmbedded: boolean
  readonly url: string
  readonly site: string
}

function listSteps({ lapse, configArgument, isEmbedded, url, site }: StepContext) {
  const migrate = { purpose: 'Create the tables', action: `${lapse} migrate${configArgument}` }
  return [
    ...(isEmbedded ? [] : [migrate]),
    { purpose: 'Start the collector, and leave it running', action: `${lapse} serve${configArgument}` },
    {
      purpose: 'In a second terminal, create a token that may read the rows',
      action: `${lapse} token create --scope read${configArgument}`,
    },
    { purpose: 'Open the dashboard, and sign in with the token', action: url },
    { purpose: 'Copy the script tags into your pages', action: `${url}/tag?site=${site}` },
  ]
}

/** Returns the command as the user runs it: npx sets `npm_command` for its child processes. */
function findCommandName(): string {
  return process.env.npm_command === 'exec' ? 'npx lapse' : 'lapse'
}

/** Returns the host of a URL that reaches the collector from this machine. */
function formatHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

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
