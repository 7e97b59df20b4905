import { LapseError } from '../../domain/errors.ts'
import { type FeedRepository, type FeedStart, formatPosition } from '../../reading/feed.ts'
import { maxPageSize, type SessionEndFilter } from '../../reading/filter.ts'
import type { Format } from '../../reading/formats/formats.ts'
import type { Context } from '../context.ts'
import { linkToNextPage } from '../request/linkToNextPage.ts'

/** The number of rows on a page of the feed if the reader does not choose one. */
export const defaultFeedPageSize = maxPageSize

/** The parameters of lists that have no meaning in the feed, which has one order and contains all revisions. */
const excludedParameters = ['cursor', 'sort', 'count', 'download', 'revisions']

interface FeedPageRequest {
  readonly feed: FeedRepository
  readonly selection: SessionEndFilter
  readonly after: FeedStart
  readonly limit: number | undefined
  readonly format: Format
  readonly isJson: boolean
}

/** Answers with the rows after a position of the feed, and with the position from which to continue. */
export async function answerFeedPage(
  ctx: Context,
  {
    feed,
    selection,
    after,
    limit = defaultFeedPageSize,
    format: { mediaType, head, write },
    isJson,
  }: FeedPageRequest,
): Promise<void> {
  assertNoListParameters(ctx.query)
  const { rows, next } =
    after === 'latest'
      ? { rows: [], next: await feed.readEnd() }
      : await feed.read(selection, { after, limit })
  linkToNextPage(ctx, 'after', formatPosition(next))
  if (isJson) {
    const lapses = rows.map((row) => write([row]).trimEnd())
    ctx.type = 'application/json'
    ctx.body = `{"lapses":[${lapses.join()}],"next":${JSON.stringify(formatPosition(next))}}`
  } else {
    ctx.type = mediaType
    ctx.body = head + write(rows)
  }
}

function assertNoListParameters(query: Context['query']): void {
  const found = excludedParameters.filter((parameter) => Object.hasOwn(query, parameter))
  if (found.length === 0) return
  const errors = found.map((parameter) => ({ parameter, detail: 'cannot be combined with `after`' }))
  throw new LapseError('invalid-query', `Remove these parameters: ${found.join(', ')}.`, { errors })
}
