import { constants } from 'node:os'
import { Command } from 'commander'
import { describeExposedConfigFile } from '../../config/exposedFiles.ts'
import { loadConfig, resolveConfigPath } from '../../config/loadConfig.ts'
import { toError } from '../../domain/thrownError.ts'
import { type Collector, startCollector } from '../../server.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { explainListenFailure } from '../output/explainListenFailure.ts'

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** `lapse serve` runs the collector until a signal stops it. */
export const serve = new Command('serve')
  .summary('start the collector')
  .description(
    'Start the collector. On SIGTERM, SIGINT or SIGHUP it finishes the requests that it has accepted, then exits. A second signal ends it immediately. An SQLite database is created and updated at the start; for MySQL and MariaDB, run lapse migrate first.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadConfig(path)
    const warning = describeExposedConfigFile(resolveConfigPath(path))
    if (warning !== undefined) process.stderr.write(`lapse: warning: ${warning}\n`)
    const collector = await startCollector(config).catch((error: unknown) => {
      throw explainListenFailure(error, config.listen)
    })
    let isStopping = false
    for (const signal of stopSignals)
      process.on(signal, () => {
        // The first process of a container ignores every signal that it does not handle.
        if (isStopping) process.exit(128 + constants.signals[signal])
        isStopping = true
        void stop(collector)
      })
  })
addExamples(serve, [
  {
    line: 'lapse serve --config /etc/lapse/lapse.config.json',
    description: 'Start the collector with the configuration file of an installation.',
  },
])

/** Also exits the process: otherwise an open handle, such as a hanging database connection, could keep it alive. */
async function stop(collector: Collector): Promise<never> {
  try {
    await collector.close()
    process.exit(0)
  } catch (error) {
    const { message } = toError(error)
    process.stderr.write(escapeForTerminal(`lapse: the collector did not stop cleanly: ${message}\n`))
    process.exit(1)
  }
}
