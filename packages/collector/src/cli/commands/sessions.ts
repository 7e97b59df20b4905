import { Command, Option } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { defaultPageSize, maxPageSize } from '../../reading/filter.ts'
import { liveSessionFormats } from '../../reading/formats/formats.ts'
import type { ListedLiveSession } from '../../reading/listedLiveSession.ts'
import { type LiveSessionFilter, liveSessionFilterSchema } from '../../reading/liveSessionReader.ts'
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

interface SessionsOptions extends ConfigOption {
  readonly site?: string
  readonly subject?: string
  readonly limit?: number
  readonly format: keyof typeof liveSessionFormats | 'json' | 'table'
}

/** `lapse sessions` prints live sessions. */
export const sessions = new Command('sessions')
  .summary('print live sessions')
  .description(
    'Print live sessions, sorted by site and session key. Times are in UTC. A session stays in the list after it expires until lapse serve records its timeout. The command reads the database directly and needs only the SELECT privilege.',
  )
  .addOption(configOption)
  .option('--site <site>', 'only sessions of this site')
  .option('--subject <id>', 'only sessions of this user')
  .option(
    '--limit <sessions>',
    `print at most this many sessions, from 1 to ${maxPageSize} (default: ${defaultPageSize} in a table, otherwise all)`,
    parseLimit,
  )
  .addOption(
    new Option('--format <format>', 'the output format; json is one array, ndjson one object a line')
      .choices(['table', 'json', ...Object.keys(liveSessionFormats)])
      .default('table'),
  )
  .action(async ({ config: path, limit, format, ...filterOptions }: SessionsOptions, command: Command) => {
    const filter = parseOptions(liveSessionFilterSchema, filterOptions, command)
    const config = loadStoreConfig(path)
    await withStore(config, async (store) => {
      await checkSites(filter, { config, store, command })
      const pages = readPages(store, filter, format === 'table' ? (limit ?? defaultPageSize) : limit)
      await writeOutput(formatSessions(pages, format, style), new AbortController().signal)
    })
  })
addExamples(sessions, [
  { line: 'lapse sessions --site acme', description: 'Print the live sessions of one site as a table.' },
  {
    line: 'lapse sessions --subject u_42 --format csv',
    description: 'Export the live sessions of one user.',
  },
])

const columns: Columns<ListedLiveSession> = {
  site: (live) => live.site,
  subject: (live) => live.subject,
  session: (live) => live.session,
  evidence: (live) => live.evidence,
  started_at: (live) => live.startedAt,
  last_access_at: (live) => live.lastAccessAt,
  expires_at: (live) => live.expiresAt,
}

const style = { formats: liveSessionFormats, columns, emptyText: 'No live sessions.' }

async function* readPages(
  { liveSessions }: Pick<Store, 'liveSessions'>,
  filter: LiveSessionFilter,
  limit: number | undefined,
): AsyncGenerator<readonly ListedLiveSession[]> {
  if (limit === undefined) yield* liveSessions.readPages(filter)
  else yield await liveSessions.readPage(filter, { limit })
}
