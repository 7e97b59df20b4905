import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { type ConfigInput, configFileOf, parseConfig } from '../../config/config.ts'
import { seconds } from '../options/parseSeconds.ts'
import { writePrivateFile } from '../output/writePrivateFile.ts'

interface InitOptions {
  readonly config: string
  readonly site: string
  readonly origin: string
  readonly idleTimeout: number
  readonly absoluteTimeout?: number
  readonly database: string
  readonly force: boolean
}

/** `lapse init` writes a configuration that `lapse serve` takes as it is. */
export const init = new Command('init')
  .description('Write a configuration to begin with, and say what comes next.')
  .option('-c, --config <file>', 'where to write it', configFileOf())
  .option('--site <name>', 'the name of the audited application', 'app')
  .option('--origin <origin>', 'the origin of its pages', 'http://localhost:3000')
  .option('--idle-timeout <seconds>', 'its idle timeout', seconds, 1800)
  .option('--absolute-timeout <seconds>', "its limit on a session's whole age", seconds)
  .option(
    '--database <url>',
    'where the rows are kept; env:NAME reads a URL with a password from a variable, now and whenever the collector starts',
    'sqlite:lapse.sqlite',
  )
  .option('--force', 'replace a file that is there', false)
  .action(({ config: file, site, origin, idleTimeout, absoluteTimeout, database, force }: InitOptions) => {
    const config: ConfigInput = {
      database,
      sites: {
        [site]: {
          origins: [origin],
          idleTimeoutSeconds: idleTimeout,
          ...(absoluteTimeout !== undefined && { absoluteTimeoutSeconds: absoluteTimeout }),
        },
      },
    }
    const { listen, database: location } = parseConfig(
      config,
      { ...process.env, LAPSE_DATABASE_URL: undefined },
      'configuration',
      dirname(resolve(file)),
    )
    try {
      writePrivateFile(file, `${JSON.stringify(config, undefined, 2)}\n`, { replace: force })
    } catch (cause) {
      const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
      throw new Error(
        isThere
          ? `The configuration ${file} is there already. Replace it with --force.`
          : `The configuration ${file} cannot be written: ${cause}. Name another file with --config.`,
        { cause },
      )
    }
    const address = `http://${listen.host}:${listen.port}`
    const option = isFoundWithoutOption(file) ? '' : ` --config ${shellWord(file)}`
    const steps = [
      ...(location.dialect === 'sqlite' ? [] : [[`lapse migrate${option}`, 'makes the audit table']]),
      [`lapse serve${option}`, 'starts the collector'],
      [`${address}/tag?site=${site}`, 'the script tags to copy'],
    ]
    const width = Math.max(...steps.map(([step = '']) => step.length))
    const lines = steps.map(([step = '', what]) => `  ${step.padEnd(width)}  (${what})\n`)
    const kept = location.dialect === 'sqlite' ? ` Rows will be kept in ${location.path}.` : ''
    process.stdout.write(`${file} is written.${kept} Next:\n\n${lines.join('')}`)
  })

function isFoundWithoutOption(file: string): boolean {
  return resolve(file) === resolve(configFileOf())
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
