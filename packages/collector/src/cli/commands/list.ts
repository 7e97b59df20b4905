import { Command, Option } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { evidenceKinds } from '../../domain/evidence.ts'
import { reasons } from '../../domain/verdict.ts'
import { feedStartSchema } from '../../reading/feed.ts'
import {
  defaultPageSize,
  maxPageSize,
  revisionChoices,
  type SessionEndSelection,
  sessionEndSelectionSchema,
} from '../../reading/filter.ts'
import { type FormatName, formatNames, formats } from '../../reading/formats/formats.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { Store } from '../../store/openStore.ts'
import { listFeed } from '../feed/listFeed.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseLimit } from '../options/parseLimit.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { formatPages } from '../output/formatPages.ts'
import { formatSessionEndTable } from '../output/formatSessionEndTable.ts'
import { writeOutput } from '../output/writeOutput.ts'
import { withStore } from '../withStore.ts'

type SelectionOptions = Readonly<Partial<Record<keyof SessionEndSelection, string>>>

interface ListOptions extends ConfigOption, SelectionOptions {
  readonly limit?: number
  readonly format: FormatName | 'table'
  readonly follow?: true
  readonly after?: string
  readonly state?: string
}

const listOptionsSchema = sessionEndSelectionSchema.safeExtend({ after: feedStartSchema.optional() })

/** `lapse list` prints rows of the audit table. */
export const list = new Command('list')
  .summary('print rows of the audit table')
  .description(
    'Print rows of the audit table, newest first. Times are in UTC. The column supersedes is the id of the row that a row corrects. needs_review marks corrections with the same evidence as the corrected row. The command reads the database directly and needs only the SELECT privilege.',
  )
  .addOption(configOption)
  .option('--site <site>', 'only rows of this site')
  .option('--subject <id>', 'only rows of this user')
  .option('--session <alias>', 'only rows of this session')
  .addOption(new Option('--reason <reason>', 'only rows with this reason').choices(reasons))
  .addOption(new Option('--evidence <kind>', 'only rows with this evidence').choices(evidenceKinds))
  .option('--from <time>', 'only rows detected at or after this time, such as 2026-01-02T00:00:00Z')
  .option('--to <time>', 'only rows detected before this time')
  .addOption(
    new Option(
      '--revisions <which>',
      'print the current row of each session, or also the rows that were corrected (default: current)',
    ).choices(revisionChoices),
  )
  .option(
    '--limit <rows>',
    `print at most this many rows, from 1 to ${maxPageSize} (default: ${defaultPageSize} in a table, otherwise all)`,
    parseLimit,
  )
  .addOption(
    new Option('--format <format>', 'the output format').choices(['table', ...formatNames]).default('table'),
  )
  .option(
    '--follow',
    'keep running, and print each new row once when it is written, and also each correction of a row that matches; with --limit, print the last existing rows first',
  )
  .addOption(
    new Option(
      '--after <position>',
      'print the rows after this position of the feed, oldest first, corrected rows included: beginning, latest, or the next of GET /v1/lapses?after=…',
    ).conflicts(['limit', 'revisions']),
  )
  .addOption(
    new Option(
      '--state <file>',
      'after rows were printed, write their position to this file; if the file exists, continue there instead of at --after (default of --after: latest)',
    ).conflicts(['limit', 'revisions']),
  )
  .action(printRows)
addExamples(list, [
  {
    line: 'lapse list --reason idle_timeout --from 2026-01-01',
    description: 'Print the latest idle timeouts of this year as a table.',
  },
  {
    line: 'lapse list --subject u_42 --format csv > u_42.csv',
    description: 'Export all rows of one user as CSV.',
  },
  {
    line: 'lapse list --follow --state siem.position --format ecs',
    description: 'Feed a SIEM with each new row, and continue after a restart where it stopped.',
  },
])

async function* readPages(
  store: Store,
  selection: SessionEndSelection,
  limit: number | undefined,
): AsyncGenerator<readonly ListedSessionEnd[]> {
  if (limit === undefined) yield* store.sessionEnds.readPages(selection)
  else yield (await store.sessionEnds.readPage(selection, { limit })).rows
}

async function printRows(
  { config: path, limit, format, follow, state, ...options }: ListOptions,
  command: Command,
): Promise<void> {
  const { after, ...selection } = parseOptions(listOptionsSchema, options, command)
  const { signal } = abortWhenInterrupted()
  const warn = (message: string) => void process.stderr.write(escapeForTerminal(`lapse: ${message}\n`))
  const onFailure = ({ message }: Error) => warn(`${message} Retrying.`)
  await withStore(loadStoreConfig(path), async (store) => {
    if (after !== undefined || state !== undefined) {
      await listFeed(store.feed, selection, {
        after: after ?? 'latest',
        stateFile: state,
        follows: follow === true,
        format,
        signal,
        onFailure,
        onWarning: warn,
      })
      return
    }
    const pages = follow
      ? store.sessionEnds.follow(selection, { last: limit ?? 0, signal, onFailure })
      : readPages(store, selection, format === 'table' ? (limit ?? defaultPageSize) : limit)
    const output =
      format === 'table'
        ? formatSessionEndTable(pages, {
            isFiltered: Object.keys(options).length > 0,
            showsCorrected: selection.revisions === 'all',
          })
        : formatPages(pages, formats[format])
    await writeOutput(output, signal)
  })
}

function abortWhenInterrupted(): AbortController {
  const interruption = new AbortController()
  const interrupt = () => interruption.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  return interruption
}
