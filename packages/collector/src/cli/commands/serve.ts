import { constants } from 'node:os'
import { Command } from 'commander'
import { configFileOf, loadConfig } from '../../config/config.ts'
import { configFileWarning } from '../../config/exposedFiles.ts'
import { type Collector, startCollector } from '../../server.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { explainListenFailure } from '../output/explainListenFailure.ts'

const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** `lapse serve` runs until SIGTERM, SIGINT or SIGHUP; a second signal ends it at once. */
export const serve = new Command('serve')
  .description(
    'Start the collector. SIGTERM, SIGINT or SIGHUP ends it when it has answered what it accepted.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadConfig(path)
    const warning = configFileWarning(configFileOf(path))
    if (warning !== undefined) process.stderr.write(`lapse: warning: ${warning}\n`)
    const collector = await startCollector(config).catch((error: unknown) => {
      throw explainListenFailure(error, config.listen)
    })
    let isStopping = false
    for (const signal of endingSignals)
      process.on(signal, () => {
        // A process that is the first of a container ends by no signal that it does not handle.
        if (isStopping) process.exit(128 + constants.signals[signal])
        isStopping = true
        void stop(collector)
      })
  })

/** Ends the process too: what still waits, such as a connection to a database that hangs, must not keep it. */
async function stop(collector: Collector): Promise<never> {
  try {
    await collector.close()
    process.exit(0)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(escapeForTerminal(`lapse: the collector did not end well: ${message}\n`))
    process.exit(1)
  }
}
