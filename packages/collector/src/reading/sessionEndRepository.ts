import type { Cursor } from './cursor.ts'
import type { SessionEndFilter, SessionEndSelection } from './filter.ts'
import type { ListedSessionEnd, SessionEndHistory } from './listedSessionEnd.ts'
import type { Sort } from './sort.ts'

/**
 * Reads the audit table.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface SessionEndRepository {
  find(id: number): Promise<SessionEndHistory | undefined>
  /** Reads one page, by default the newest detection first. Rows inserted between two pages cause no repeats and no gaps. */
  readPage(selection: SessionEndSelection, request: PageRequest): Promise<SessionEndPage>
  /**
   * Reads all rows, or those after a cursor, in the order of `readPage`, a few hundred at a time. It holds no connection
   * between pages and reads a page only when it is asked for.
   */
  readPages(
    selection: SessionEndSelection,
    request?: Pick<PageRequest, 'after' | 'sort'>,
  ): AsyncGenerator<readonly ListedSessionEnd[], void, void>
  /**
   * Counts all rows of a selection.
   *
   * @returns null if that takes longer than `partDeadlineMs`.
   */
  count(selection: SessionEndSelection): Promise<number | null>
  /** Finds when the newest of the rows that match was detected, without self-tests. */
  findNewest(filter: SessionEndFilter): Promise<Date | undefined>
  /** Reads which sites have rows or live sessions. */
  readSites(): Promise<readonly string[]>
  /**
   * Yields each new row that matches, or corrects one that matches, once, as it is committed, until the signal is aborted.
   * Throws only if the first read fails. A new row is yielded even if another new row already corrects it.
   */
  follow(
    selection: SessionEndSelection,
    options: FollowOptions,
  ): AsyncGenerator<readonly ListedSessionEnd[], void, void>
}

interface PageRequest {
  /** The maximum number of rows. */
  readonly limit: number
  /** Where the page starts: after this row. */
  readonly after?: Cursor | undefined
  /** A cursor has the order of its first page. */
  readonly sort?: Sort | undefined
}

interface SessionEndPage {
  readonly rows: readonly ListedSessionEnd[]
  /** Undefined if this is the last page. */
  readonly next: Cursor | undefined
}

export interface FollowOptions {
  /** How many of the existing rows to yield first. */
  readonly last: number
  readonly signal: AbortSignal
  /** Called for each failed read. Reading then continues. */
  readonly onFailure: (error: Error) => void
}
