import type { FeedRepository, FeedStart } from '../../reading/feed.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import { type FormatName, formats } from '../../reading/formats/formats.ts'
import { createSessionEndTableFormatter } from '../output/formatSessionEndTable.ts'
import { printFeed } from './printFeed.ts'
import { readFeed } from './readFeed.ts'
import { readStateFile, writeStateFile } from './stateFile.ts'
import { endsWithinLine } from './unfinishedLine.ts'

interface ListFeedOptions {
  /** Where to start without a state file. */
  readonly after: FeedStart
  readonly stateFile: string | undefined
  readonly follows: boolean
  readonly format: FormatName | 'table'
  readonly signal: AbortSignal
  readonly onFailure: (error: Error) => void
  readonly onWarning: (message: string) => void
}

/** How long rows may wait for a position before the reader is told, in milliseconds. */
const maxWaitMs = 30_000

/** Prints the rows of the feed, and remembers in the state file which rows were printed. */
export async function listFeed(
  feed: FeedRepository,
  selection: SessionEndSelection,
  { after, stateFile, format, ...options }: ListFeedOptions,
): Promise<void> {
  const stored = stateFile === undefined ? undefined : readStateFile(stateFile)
  const { head, write } =
    format === 'table' ? { head: '', write: createSessionEndTableFormatter() } : formats[format]
  let saved = stored
  let hasWarned = false
  /** Without this warning, an empty output would look as if no session had ended. */
  async function warnWhenWaiting(): Promise<void> {
    const since = hasWarned ? undefined : await feed.readWaitingSince()
    if (!since || Date.now() - since.getTime() < maxWaitMs) return
    hasWarned = true
    options.onWarning(
      `Rows that were received since ${since.toISOString()} are not printed yet, because they have no position. A running "lapse serve" gives them one.`,
    )
  }
  await printFeed(readFeed(feed, selection, { ...options, start: stored ?? after }), {
    // The output continues that of the earlier run, which has a header already.
    format: { head: stored === undefined ? head : endsWithinLine() ? '\n' : '', write },
    async onWritten({ next: position, isAtEnd }) {
      if (stateFile !== undefined && position !== saved) {
        writeStateFile(stateFile, position)
        saved = position
      }
      // If the database is unavailable, the next read says so.
      if (isAtEnd) await warnWhenWaiting().catch(() => {})
    },
  })
}
