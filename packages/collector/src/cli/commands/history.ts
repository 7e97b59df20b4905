import { Command, Option } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { defaultPageSize, maxPageSize } from '../../reading/filter.ts'
import { historyFormats } from '../../reading/formats/formats.ts'
import { type HistoryFilter, type HistorySession, historyQuerySchema } from '../../reading/userHistory.ts'
import type { Store } from '../../store/openStore.ts'
import { checkSites } from '../options/checkSites.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseLimit } from '../options/parseLimit.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { formatSessions } from '../output/formatSessions.ts'
import type { Columns } from '../output/printTable.ts'
import { writeOutput } from '../output/writeOutput.ts'
import { withStore } from '../withStore.ts'

interface HistoryOptions extends ConfigOption {
  readonly site?: string
  readonly limit?: number
  readonly format: keyof typeof historyFormats | 'json' | 'table'
}

/** `lapse history` prints the sessions of a user. */
export const history = new Command('history')
  .summary("print a user's sessions")
  .description(
    'Print the sessions of one user, ended and live, newest start first. Times are in UTC. ended_at is when a limit was reached, when somebody ended the session, or otherwise when it was last used. A live session has no ended_at. The command reads the database directly and needs only the SELECT privilege.',
  )
  .argument('<subject>', 'the user')
  .addOption(configOption)
  .option('--site <site>', 'only sessions of this site')
  .option(
    '--limit <sessions>',
    `print at most this many sessions, from 1 to ${maxPageSize} (default: ${defaultPageSize} in a table, otherwise all)`,
    parseLimit,
  )
  .addOption(
    new Option('--format <format>', 'the output format; json is one array, ndjson one object a line')
      .choices(['table', 'json', ...Object.keys(historyFormats)])
      .default('table'),
  )
  .action(
    async (subject: string, { config: path, site, limit, format }: HistoryOptions, command: Command) => {
      const filter = parseOptions(
        historyQuerySchema.pick({ subject: true, site: true }),
        { subject, site },
        command,
      )
      const config = loadStoreConfig(path)
      await withStore(config, async (store) => {
        await checkSites(filter, { config, store, command })
        const pages = readPages(store, filter, format === 'table' ? (limit ?? defaultPageSize) : limit)
        await writeOutput(formatSessions(pages, format, style), new AbortController().signal)
      })
    },
  )
addExamples(history, [
  { line: 'lapse history u_42', description: 'Print the sessions of a user as a table.' },
  {
    line: 'lapse history u_42 --site acme --format csv > u_42.csv',
    description: 'Export the sessions of a user at one site.',
  },
])

const columns: Columns<HistorySession> = {
  site: (each) => each.site,
  session: (each) => each.session,
  started_at: (each) => each.startedAt,
  last_access_at: (each) => each.lastAccessAt,
  ended_at: (each) => each.endedAt,
  reason: (each) => each.reason,
  evidence: (each) => each.evidence,
  device: (each) => each.device,
  id: (each) => each.id,
}

const style = { formats: historyFormats, columns, emptyText: 'No sessions of this user.' }

async function* readPages(
  { history: repository }: Pick<Store, 'history'>,
  filter: HistoryFilter,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly HistorySession[]> {
  let remaining = limit
  let after: Awaited<ReturnType<typeof repository.readPage>>['next']
  do {
    const page = await repository.readPage(filter, { limit: Math.min(remaining, maxPageSize), after })
    yield page.sessions
    remaining -= page.sessions.length
    after = page.next
  } while (after && remaining > 0)
}
