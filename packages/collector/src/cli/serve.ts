import { Command } from 'commander'
import { configFileOf, loadConfig } from '../config.ts'
import { configFileWarning } from '../exposedFiles.ts'
import { startCollector } from '../server.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { explainListenFailure } from './explainListenFailure.ts'

/** `lapse serve` runs until SIGTERM or SIGINT; a second signal ends it at once. */
export const serve = new Command('serve')
  .description('Start the collector. SIGTERM or SIGINT ends it when it has answered what it accepted.')
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadConfig(path)
    const warning = configFileWarning(configFileOf(path))
    if (warning !== undefined) process.stderr.write(`lapse: warning: ${warning}\n`)
    const collector = await startCollector(config).catch((error: unknown) => {
      throw explainListenFailure(error, config.listen)
    })
    const stop = () => void collector.close()
    process.once('SIGTERM', stop).once('SIGINT', stop)
  })
