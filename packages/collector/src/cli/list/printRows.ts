import type { Command } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { explainEmptyList } from '../../reading/emptyBecause.ts'
import { feedStartSchema } from '../../reading/feed.ts'
import {
  defaultPageSize,
  feedSelectionSchema,
  type SessionEndSelection,
  sessionEndSelectionSchema,
} from '../../reading/filter.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { Store } from '../../store/openStore.ts'
import { listFeed } from '../feed/listFeed.ts'
import { checkSites } from '../options/checkSites.ts'
import type { ConfigOption } from '../options/configOption.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { resolveTimeOptions, type TimeOptions } from '../options/timeOptions.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { formatSessionEnds, type ListFormat } from '../output/formatSessionEnds.ts'
import { writeOutput } from '../output/writeOutput.ts'
import { withStore } from '../withStore.ts'
import { describeEmptyList } from './describeEmptyList.ts'
import { chooseFileFormat, writeExport } from './writeExport.ts'

type SelectionOptions = Readonly<
  Partial<Record<Exclude<keyof SessionEndSelection, 'from' | 'to' | 'selftests'>, string>>
>

/** The options of `lapse list`. */
interface ListOptions extends ConfigOption, SelectionOptions, TimeOptions {
  readonly limit?: number
  readonly format: ListFormat
  readonly follow?: true
  readonly after?: string
  readonly state?: string
  readonly output?: string
  readonly selftests?: true
}

const start = { after: feedStartSchema.optional() }
const listOptionsSchema = sessionEndSelectionSchema.safeExtend(start)
/** The options of a list that adds new rows as they are written, or that a later run continues. */
const feedOptionsSchema = feedSelectionSchema.safeExtend(start)

/** Prints the rows that the options select, or writes them to a file. */
export async function printRows(
  { config: path, limit, format, follow, state, timeZone, output, from, to, selftests, ...rest }: ListOptions,
  command: Command,
): Promise<void> {
  const filters = { ...rest, ...resolveTimeOptions({ from, to, timeZone }) }
  const isFeed = follow || state !== undefined || rest.after !== undefined
  const { after, ...selection } = parseOptions(
    isFeed ? feedOptionsSchema : listOptionsSchema,
    { ...filters, ...(selftests && { selftests: 'include' }) },
    command,
  )
  if (follow && format === 'json')
    command.error('error: --follow never ends, so it cannot print one JSON array. Use --format ndjson.')
  const fileFormat = output === undefined ? undefined : chooseFileFormat(output, format, command)
  const { signal } = abortWhenInterrupted()
  const showsCorrected = selection.revisions === 'all'
  const config = loadStoreConfig(path)
  await withStore(config, async (store) => {
    await checkSites(selection, { config, store, command })
    if (after !== undefined || state !== undefined) {
      await printFeed(store, selection, {
        ...{ after: after ?? 'latest', state, follows: follow === true },
        ...{ format, signal, command },
      })
    } else if (follow) {
      const pages = store.sessionEnds.follow(selection, { last: limit ?? 0, signal, onFailure })
      await writeOutput(formatSessionEnds(pages, format, { showsCorrected }), signal)
    } else if (output !== undefined && fileFormat) {
      const pages = readPages(store, selection, limit)
      await writeExport(output, { pages, format: fileFormat, selection, timeZone, signal })
    } else {
      await printList(store, selection, { limit, format, signal })
    }
  })
}

const warn = (message: string) => void process.stderr.write(escapeForTerminal(`lapse: ${message}\n`))
const onFailure = ({ message }: Error) => warn(`${message} Retrying.`)

interface PrintOptions {
  readonly format: ListFormat
  readonly signal: AbortSignal
}

interface FeedOptions extends PrintOptions {
  readonly state: string | undefined
  readonly follows: boolean
  readonly after: Parameters<typeof listFeed>[2]['after']
  readonly command: Command
}

async function printFeed(
  { feed }: Store,
  selection: SessionEndSelection,
  { after, state, follows, format, signal, command }: FeedOptions,
): Promise<void> {
  if (format === 'json')
    return command.error(
      'error: the feed has no end, so it cannot be printed as one JSON array. Use --format ndjson.',
    )
  const options = { stateFile: state, follows, format, signal, onFailure, onWarning: warn }
  await listFeed(feed, selection, { after, ...options })
}

async function printList(
  store: Store,
  selection: SessionEndSelection,
  { limit, format, signal }: PrintOptions & { readonly limit: number | undefined },
): Promise<void> {
  const showsCorrected = selection.revisions === 'all'
  let count = 0
  async function* countRows(pages: AsyncIterable<readonly ListedSessionEnd[]>) {
    for await (const rows of pages) {
      count += rows.length
      yield rows
    }
  }
  const pages = readPages(store, selection, format === 'table' ? (limit ?? defaultPageSize) : limit)
  await writeOutput(formatSessionEnds(countRows(pages), format, { showsCorrected }), signal)
  if (count > 0 || signal.aborted) return
  const explanation = describeEmptyList(await explainEmptyList(selection, store.sessionEnds), selection)
  const stream = format === 'table' ? process.stdout : process.stderr
  stream.write(escapeForTerminal(explanation))
}

async function* readPages(
  store: Store,
  selection: SessionEndSelection,
  limit: number | undefined,
): AsyncGenerator<readonly ListedSessionEnd[]> {
  if (limit === undefined) yield* store.sessionEnds.readPages(selection)
  else yield (await store.sessionEnds.readPage(selection, { limit })).rows
}

function abortWhenInterrupted(): AbortController {
  const interruption = new AbortController()
  const interrupt = () => interruption.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  return interruption
}
