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
  .action(
    async ({ config: path, limit, format, follow, ...selectionOptions }: ListOptions, command: Command) => {
      const selection = parseOptions(sessionEndSelectionSchema, selectionOptions, command)
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
        const output =
          format === 'table'
            ? formatSessionEndTable(pages, {
                isFiltered: Object.keys(selectionOptions).length > 0,
                showsCorrected: selection.revisions === 'all',
              })
            : formatPages(pages, formats[format])
        await writeOutput(output, interruption.signal)
      })
    },
  )
addExamples(list, [
  {
    line: 'lapse list --reason idle_timeout --from 2026-01-01',
    description: 'Print the latest idle timeouts of this year as a table.',
  },
  {
    line: 'lapse list --subject u_42 --format csv > u_42.csv',
    description: 'Export all rows of one user as CSV.',
  },
  { line: 'lapse list --follow --format ecs', description: 'Feed a SIEM with each new row.' },
])

async function* readPages(
  store: Store,
  selection: SessionEndSelection,
  limit: number | undefined,
): AsyncGenerator<readonly ListedSessionEnd[]> {
  if (limit === undefined) yield* store.sessionEnds.readPages(selection)
  else yield (await store.sessionEnds.readPage(selection, { limit })).rows
}
