import { Command, InvalidArgumentError, Option } from 'commander'
import { loadStoreConfig } from '../config/config.ts'
import { LapseError } from '../domain/errors.ts'
import { evidences, type SessionEnd } from '../domain/sessionEnd.ts'
import { reasons } from '../domain/verdict.ts'
import { type SessionEndFilter, sessionEndFilterSchema } from '../reading/filter.ts'
import { type FormatName, formatNames, formats } from '../reading/formats/formats.ts'
import { parseQuery } from '../reading/parseQuery.ts'
import type { Store } from '../store/openStore.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { escapeForTerminal } from './escapeForTerminal.ts'
import { print } from './print.ts'
import { sessionEndTable } from './sessionEndTable.ts'
import { withStore } from './withStore.ts'

interface ListOptions extends ConfigOption, Readonly<Partial<Record<keyof SessionEndFilter, string>>> {
  readonly limit?: number
  readonly format: FormatName | 'table'
  readonly follow?: true
}

const rowsInTable = 50

/** `lapse list` prints rows of the audit table. */
export const list = new Command('list')
  .description('Print rows of the audit table, the newest first. Times are UTC.')
  .addOption(configOption)
  .option('--site <site>', 'only this site')
  .option('--subject <id>', 'only this subject')
  .option('--session <alias>', 'only this session')
  .addOption(new Option('--reason <reason>', 'only this reason').choices(reasons))
  .addOption(new Option('--evidence <kind>', 'only this evidence').choices(evidences))
  .option('--from <time>', 'detected at this time or later, such as 2026-01-02T00:00:00Z')
  .option('--to <time>', 'detected before this time')
  .option(
    '--limit <rows>',
    `at most so many, 1 to 1000 (default: ${rowsInTable} in a table, else all)`,
    rowCount,
  )
  .addOption(
    new Option('--format <format>', 'a table to look at, or what programs read')
      .choices(['table', ...formatNames])
      .default('table'),
  )
  .option(
    '--follow',
    'print new rows as they come, each once; with --limit, the last ones that were there first',
  )
  .action(async ({ config: path, limit, format, follow, ...given }: ListOptions, command: Command) => {
    const filter = checked(given, command)
    const end = new AbortController()
    const stop = () => end.abort()
    process.once('SIGINT', stop).once('SIGTERM', stop)
    await withStore(loadStoreConfig(path), async (store) => {
      const rows = follow
        ? store.sessionEnds.follow(filter, {
            last: limit ?? 0,
            signal: end.signal,
            onFailure: ({ message }) =>
              process.stderr.write(escapeForTerminal(`lapse: ${message} Trying again.\n`)),
          })
        : stored(store, filter, format === 'table' ? (limit ?? rowsInTable) : limit)
      await print(format === 'table' ? sessionEndTable(rows) : written(rows, format), end.signal)
    })
  })

function checked(given: Partial<Record<keyof SessionEndFilter, string>>, command: Command): SessionEndFilter {
  try {
    return parseQuery(sessionEndFilterSchema, given)
  } catch (error) {
    if (!(error instanceof LapseError)) throw error
    const wrong = error.errors?.map(
      (field) => `${'parameter' in field && `--${field.parameter}`}: ${field.detail}`,
    )
    return command.error(`error: ${wrong?.join('\n       ')}`)
  }
}

async function* stored(
  store: Store,
  filter: SessionEndFilter,
  limit: number | undefined,
): AsyncGenerator<readonly SessionEnd[]> {
  if (limit === undefined) yield* store.sessionEnds.pages(filter)
  else yield await store.sessionEnds.page(filter, { limit })
}

async function* written(
  rows: AsyncIterable<readonly SessionEnd[]>,
  name: FormatName,
): AsyncGenerator<string> {
  const { head, write } = formats[name]
  if (head) yield head
  for await (const some of rows) yield write(some)
}

function rowCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 1000) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}
