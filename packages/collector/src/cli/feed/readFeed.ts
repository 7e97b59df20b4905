import { setTimeout as sleep } from 'node:timers/promises'
import { toError } from '../../domain/thrownError.ts'
import type { FeedPage, FeedPosition, FeedRepository, FeedStart } from '../../reading/feed.ts'
import { maxPageSize, type SessionEndSelection } from '../../reading/filter.ts'

const pollMs = 1_000

interface ReadFeedOptions {
  readonly start: FeedStart
  /** Waits for new rows at the end of the feed. Otherwise it stops there. */
  readonly follows: boolean
  readonly signal: AbortSignal
  /** Called for each failed read while following. Reading then continues. */
  readonly onFailure: (error: Error) => void
}

/**
 * Yields the pages of the feed from a position on. The first page may be empty: its `next` is then the position at which
 * reading starts.
 *
 * @throws if the first read fails, or any read when it does not follow.
 */
export async function* readFeed(
  feed: FeedRepository,
  selection: SessionEndSelection,
  { start, follows, signal, onFailure }: ReadFeedOptions,
): AsyncGenerator<FeedPage, void, void> {
  const readNext = (after: FeedPosition) => feed.read(selection, { after, limit: maxPageSize })
  let page: FeedPage =
    start === 'latest' ? { rows: [], next: await feed.readEnd(), isAtEnd: true } : await readNext(start)
  for (;;) {
    yield page
    if (page.isAtEnd && !follows) return
    if (page.isAtEnd) await sleep(pollMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    page = await readNext(page.next).catch((error: unknown) => {
      if (!follows) throw error
      onFailure(toError(error))
      return { ...page, rows: [], isAtEnd: true }
    })
  }
}
