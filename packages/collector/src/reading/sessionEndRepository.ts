import type { Position } from './cursor.ts'
import type { SessionEndSelection } from './filter.ts'
import type { ListedSessionEnd, SessionEndHistory } from './listedSessionEnd.ts'

/**
 * Reads the audit table.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface SessionEndRepository {
  find(id: number): Promise<SessionEndHistory | undefined>
  /** Reads one page, newest detection first. */
  readPage(selection: SessionEndSelection, page: Page): Promise<ListedSessionEnd[]>
  /**
   * Reads all rows, or those after a position, in the order of `readPage`, a few hundred at a time. It holds no
   * connection between pages and reads a page only when it is asked for. Rows inserted in between cause no repeats and
   * no gaps.
   */
  readPages(selection: SessionEndSelection, after?: Position): AsyncGenerator<ListedSessionEnd[], void, void>
  /**
   * Yields each new row once, as it is committed, until the signal is aborted. Throws only if the first read fails. A new
   * row is yielded even if another new row already corrects it.
   */
  follow(
    selection: SessionEndSelection,
    options: FollowOptions,
  ): AsyncGenerator<ListedSessionEnd[], void, void>
}

export interface Page {
  /** The maximum number of rows. */
  readonly limit: number
  /** Where the page starts: after this row. */
  readonly after?: Position | undefined
}

export interface FollowOptions {
  /** How many of the existing rows to yield first. */
  readonly last: number
  readonly signal: AbortSignal
  /** Called for each failed read. Reading then continues. */
  readonly onFailure: (error: Error) => void
}
