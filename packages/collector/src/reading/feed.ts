import { z } from 'zod'
import type { SessionEndSelection } from './filter.ts'
import type { ListedSessionEnd } from './listedSessionEnd.ts'

/**
 * A place in the feed: after the row that has this number. The rows are numbered from 1 in the order in which they were
 * found to be committed.
 */
export type FeedPosition = z.output<typeof feedPositionSchema>

const feedPositionSchema = z.int().nonnegative().brand('FeedPosition')

/** Makes a position of a number from the database. */
export function toFeedPosition(number: unknown): FeedPosition {
  return feedPositionSchema.parse(Number(number))
}

/** The position before the first row. */
export const beginningOfFeed = toFeedPosition(0)

/** Encodes a position as text. The format is opaque to clients and may change. */
export function formatPosition(position: FeedPosition): string {
  return Buffer.from(`feed.${position}`).toString('base64url')
}

/** Decodes a position from `formatPosition`. */
export const positionSchema = z.string().transform((text, { addIssue }): FeedPosition => {
  const number = /^feed\.(\d{1,16})$/.exec(Buffer.from(text, 'base64url').toString())?.[1]
  const { data: position } = feedPositionSchema.safeParse(Number(number ?? Number.NaN))
  // The decoder ignores invalid characters and a truncated end.
  if (position !== undefined && formatPosition(position) === text) return position
  addIssue('must be the `next` of an earlier response')
  return z.NEVER
})

/** Where a reader starts: at a position, or with the rows that are numbered from now on. */
export const feedStartSchema = z.union(
  [z.literal('latest'), z.literal('beginning').transform(() => beginningOfFeed), positionSchema],
  { error: 'must be `beginning`, `latest`, or the `next` of an earlier response' },
)

export type FeedStart = z.output<typeof feedStartSchema>

/**
 * Reads the rows in an order that never changes: a row that is committed later than another one, even one with a higher
 * id, comes after everything that was readable before. A reader that resumes at a position therefore misses nothing.
 *
 * A row that corrects another one comes after it. Corrected rows are included.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface FeedRepository {
  /**
   * Reads the next rows that match, or that correct a row that matches, directly or through other rows. `revisions` is
   * ignored.
   *
   * @throws {LapseError} `position-unknown` if the feed ends before the position.
   */
  read(selection: SessionEndSelection, request: FeedRequest): Promise<FeedPage>
  /**
   * Returns the position after the last row.
   *
   * @throws {LapseError} `unavailable` while the rows that existed before the feed are still being added to it.
   */
  readEnd(): Promise<FeedPosition>
  /**
   * Returns when the first row that is not in the feed yet was received. Rows wait for less than a second while a
   * collector is running, which adds them.
   */
  readWaitingSince(): Promise<Date | undefined>
}

interface FeedRequest {
  readonly after: FeedPosition
  /** The maximum number of rows. */
  readonly limit: number
}

export interface FeedPage {
  /** Oldest position first. Can be empty before the end if only few rows match. */
  readonly rows: readonly ListedSessionEnd[]
  /** Where to continue. It passes rows that do not match. */
  readonly next: FeedPosition
  /** Whether `next` was the end of the feed. */
  readonly isAtEnd: boolean
}
