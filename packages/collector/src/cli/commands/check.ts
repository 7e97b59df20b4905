import { Command, Option } from 'commander'
import { toError } from '../../domain/thrownError.ts'
import { formatLocation } from '../../store/database/databaseUrl.ts'
import { checkAlarms } from '../check/checkAlarms.ts'
import { checkCollector } from '../check/checkCollector.ts'
import { checkConfiguration } from '../check/checkConfiguration.ts'
import { checkDatabase } from '../check/checkDatabase.ts'
import { checkDestinations } from '../check/checkDestinations.ts'
import { type CheckResult, fail, formatCheckResults } from '../check/checkReport.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { getCollectorUrl } from '../options/getCollectorUrl.ts'
import { parseUrl } from '../options/parseUrl.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { withStore } from '../withStore.ts'

interface CheckOptions extends ConfigOption {
  readonly url?: string
  readonly format: 'text' | 'json'
}

/** `lapse check` finds out what is wrong, and says how to fix it. */
export const check = new Command('check')
  .summary('find problems and how to fix them')
  .description(
    'Check the configuration, the database and its privileges, the clock, the running collector, the proxy, the destinations and the alarms, and print where each problem is and how to fix it. Run the command on the machine of the collector, with its configuration and environment. It changes nothing. The exit status is 1 if there is a problem; warnings do not change it.',
  )
  .addOption(configOption)
  .option(
    '--url <url>',
    'the address of the collector (default: the address in "listen" of the configuration)',
    parseUrl,
  )
  .addOption(new Option('--format <format>', 'the output format').choices(['text', 'json']).default('text'))
  .action(async ({ config: path, url, format }: CheckOptions) => {
    const results = await runChecks(path, url)
    const problems = results.filter(({ status }) => status === 'problem').length
    const output =
      format === 'json'
        ? `${JSON.stringify({ status: problems === 0 ? 'ok' : 'problem', results }, undefined, 2)}\n`
        : formatCheckResults(results)
    process.stdout.write(escapeForTerminal(output))
    if (problems > 0) process.exitCode = 1
  })
addExamples(check, [
  { line: 'lapse check', description: 'Check the collector on this machine.' },
  { line: 'lapse check --format json', description: 'Print the results for a monitoring system.' },
])

async function runChecks(path: string | undefined, url: string | undefined): Promise<CheckResult[]> {
  const { results, config } = checkConfiguration(path)
  if (!config) return [...results]
  const address = (url ?? getCollectorUrl(config)).replace(/\/+$/, '')
  const collector = checkCollector(address, config)
  const stored = await withStore(config, async (store) => {
    const database = await checkDatabase(store, config)
    const isUsable = !database.some(({ area, status }) => area === 'database' && status === 'problem')
    const rest = isUsable
      ? [...(await checkDestinations(store, config)), ...(await checkAlarms(store, config))]
      : []
    return { database, rest }
  }).catch((error: unknown) => ({
    database: [fail('database', formatLocation(config.database), toError(error).message)],
    rest: [],
  }))
  return [...results, ...stored.database, ...(await collector), ...stored.rest]
}
