import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { type ConfigInput, defaultConfigPath, parseConfig } from '../config.ts'
import { seconds } from './seconds.ts'

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
  .option('-c, --config <file>', 'where to write it', process.env.LAPSE_CONFIG || defaultConfigPath)
  .option('--site <name>', 'the name of the audited application', 'app')
  .option('--origin <origin>', 'the origin of its pages', 'http://localhost:3000')
  .option('--idle-timeout <seconds>', 'its idle timeout', seconds, 1800)
  .option('--absolute-timeout <seconds>', "its limit on a session's whole age", seconds)
  .option('--database <url>', 'where the rows are kept', 'sqlite:lapse.sqlite')
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
    const { listen } = parseConfig(config)
    try {
      writeFileSync(file, `${JSON.stringify(config, undefined, 2)}\n`, { flag: force ? 'w' : 'wx' })
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
    const migrate = database.startsWith('sqlite:') ? '' : '  lapse migrate    (makes the audit table)\n'
    process.stdout.write(`${file} is written. Next:

${migrate}  lapse serve      (starts the collector)
  ${address}/tag?site=${site}    (the script tags to copy)
`)
  })
