import { Command } from 'commander'
import { configFileOf, loadConfig } from '../config.ts'
import { configFileWarning } from '../exposedFiles.ts'
import { startCollector } from '../server.ts'
import { type ConfigOption, configOption } from './configOption.ts'

/** `lapse serve` runs until SIGTERM or SIGINT; a second signal ends it at once. */
export const serve = new Command('serve')
  .description('Start the collector. SIGTERM or SIGINT ends it when it has answered what it accepted.')
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadConfig(path)
    const warning = configFileWarning(configFileOf(path))
    if (warning !== undefined) process.stderr.write(`lapse: warning: ${warning}\n`)
    const collector = await startCollector(config).catch((error: unknown) => {
      throw isAddressInUse(error) ? addressTaken(config.listen) : error
    })
    const stop = () => void collector.close()
    process.once('SIGTERM', stop).once('SIGINT', stop)
  })

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

function addressTaken({ host, port }: { host: string; port: number }): Error {
  return new Error(
    `Port ${port} on ${host} is taken. End the program that has it, or choose another with LAPSE_PORT or "listen".`,
  )
}
