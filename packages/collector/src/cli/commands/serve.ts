import { constants } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { maxPort } from '../../config/configSchema.ts'
import { describeExposedConfigFile } from '../../config/exposedFiles.ts'
import { loadConfig, resolveConfigPath } from '../../config/loadConfig.ts'
import { toError } from '../../domain/thrownError.ts'
import { type LogFormat, logFormats } from '../../observability/logFormat.ts'
import type { Collector } from '../../server.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { explainListenFailure } from '../output/explainListenFailure.ts'

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

interface ServeOptions extends ConfigOption {
  readonly host?: string
  readonly port?: number
  readonly logFormat?: LogFormat
}

/** `lapse serve` runs the collector until a signal stops it. */
export const serve = new Command('serve')
  .summary('start the collector')
  .description(
    'Start the collector. On SIGTERM, SIGINT or SIGHUP it finishes the requests that it has accepted, then exits. A second signal ends it immediately. An SQLite database is created and updated at the start; for MySQL and MariaDB, run lapse migrate first. Options override environment variables, which override the configuration file.',
  )
  .addOption(configOption)
  .option(
    '--host <address>',
    'the address or host name to listen on (default: $LAPSE_HOST, otherwise "listen.host" of the configuration)',
    parseHost,
  )
  .option(
    '--port <number>',
    'the port to listen on (default: $LAPSE_PORT, otherwise "listen.port" of the configuration)',
    parsePort,
  )
  .addOption(
    new Option(
      '--log-format <format>',
      'the format of the log (default: $LAPSE_LOG_FORMAT, otherwise "logFormat" of the configuration, otherwise text on a terminal and json elsewhere)',
    ).choices(logFormats),
  )
  .action(async ({ config: path, host, port, logFormat }: ServeOptions) => {
    const settings = loadConfig(path)
    const config = {
      ...settings,
      listen: {
        ...settings.listen,
        ...(host !== undefined && { host }),
        ...(port !== undefined && { port }),
      },
      logFormat: logFormat ?? settings.logFormat,
    }
    const warning = describeExposedConfigFile(resolveConfigPath(path))
    if (warning !== undefined) process.stderr.write(`lapse: warning: ${warning}\n`)
    // Loading the server takes as long as all else, and the other commands don't need it.
    const { startCollector } = await import('../../server.ts')
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
  {
    line: 'lapse serve --port 8080 --log-format json',
    description: 'Listen on another port, and log JSON even on a terminal.',
  },
])

function parseHost(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('Must not be empty.')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= maxPort) return port
  throw new InvalidArgumentError(`Must be a port number from 0 to ${maxPort}; 0 chooses a free port.`)
}

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
