import { Command, Option } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { evidenceKinds } from '../../domain/evidence.ts'
import { reasons } from '../../domain/verdict.ts'
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
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseLimit } from '../options/parseLimit.ts'
import { parseOptions } from '../options/parseOptions.ts'
import {
  addTimeHelp,
  fromOption,
  resolveTimeOptions,
  type TimeOptions,
  timeZoneOption,
  toOption,
} from '../options/timeOptions.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { formatJsonArray, formatPages } from '../output/formatPages.ts'
import { formatSessionEndTable } from '../output/formatSessionEndTable.ts'
import { writeOutput } from '../output/writeOutput.ts'
import { withStore } from '../withStore.ts'

type SelectionOptions = Readonly<Partial<Record<Exclude<keyof SessionEndSelection, 'from' | 'to'>, string>>>

interface ListOptions extends ConfigOption, SelectionOptions, TimeOptions {
  readonly limit?: number
  readonly format: FormatName | 'json' | 'table'
  readonly follow?: true
}

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
  .addOption(fromOption)
  .addOption(toOption)
  .addOption(timeZoneOption)
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
    new Option('--format <format>', 'the output format; json is one array, ndjson one object a line')
      .choices(['table', 'json', ...formatNames])
      .default('table'),
  )
  .option(
    '--follow',
    'keep running, and print each new row once when it is written, and also each correction of a row that matches; with --limit, print the last existing rows first',
  )
  .action(async (options: ListOptions, command: Command) => {
    const { config: path, limit, format, follow, timeZone, from, to, ...filters } = options
    const selectionOptions = { ...filters, ...resolveTimeOptions({ from, to, timeZone }) }
    const selection = parseOptions(sessionEndSelectionSchema, selectionOptions, command)
    if (follow && format === 'json')
      command.error('error: --follow never ends, so it cannot print one JSON array. Use --format ndjson.')
    const interruption = new AbortController()
    const interrupt = () => interruption.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    await withStore(loadStoreConfig(path), async (store) => {
      const pages = follow
        ? store.sessionEnds.follow(selection, {
            last: limit ?? 0,
            signal: interruption.signal,
            onFailure: ({ message }) =>
              process.stderr.write(escapeForTerminal(`lapse: ${message} Retrying.\n`)),
          })
        : readPages(store, selection, format === 'table' ? (limit ?? defaultPageSize) : limit)
      const tableOptions = {
        isFiltered: Object.keys(selectionOptions).length > 0,
        showsCorrected: selection.revisions === 'all',
      }
      await writeOutput(formatRows(pages, format, tableOptions), interruption.signal)
    })
  })
addTimeHelp(list)
addExamples(list, [
  {
    line: 'lapse list --reason idle_timeout --from yesterday',
    description: "Print yesterday's idle timeouts as a table.",
  },
  {
    line: 'lapse list --site acme --from "last month" --time-zone Europe/Vienna --format csv > acme.csv',
    description: 'Export all rows of one site and month, by the calendar of Vienna.',
  },
  {
    line: 'lapse list --subject u_42 --format csv > u_42.csv',
    description: 'Export all rows of one user as CSV.',
  },
  { line: 'lapse list --follow --format ecs', description: 'Feed a SIEM with each new row.' },
])

function formatRows(
  pages: AsyncIterable<readonly ListedSessionEnd[]>,
  format: ListOptions['format'],
  tableOptions: Parameters<typeof formatSessionEndTable>[1],
): AsyncIterable<string> {
  if (format === 'table') return formatSessionEndTable(pages, tableOptions)
  return format === 'json' ? formatJsonArray(pages) : formatPages(pages, formats[format])
}

async function* readPages(
  store: Store,
  selection: SessionEndSelection,
  limit: number | undefined,
): AsyncGenerator<readonly ListedSessionEnd[]> {
  if (limit === undefined) yield* store.sessionEnds.readPages(selection)
  else yield (await store.sessionEnds.readPage(selection, { limit })).rows
}
