import type { SessionEnd } from '../domain/sessionEnd.ts'
import type { Position } from './cursor.ts'
import type { SessionEndFilter } from './filter.ts'

/**
 * Reads the audit table.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface SessionEndRepository {
  find(id: number): Promise<SessionEnd | undefined>
  /** Reads one page, newest detection first. */
  readPage(filter: SessionEndFilter, page: Page): Promise<SessionEnd[]>
  /**
   * Reads all rows, or those after a position, in the order of `readPage`, a few hundred at a time. It holds no
   * connection between pages and reads a page only when it is asked for. Rows inserted in between cause no repeats and
   * no gaps.
   */
  readPages(filter: SessionEndFilter, after?: Position): AsyncGenerator<SessionEnd[], void, void>
  /** Yields each new row once, as it is committed, until the signal is aborted. Throws only if the first read fails. */
  follow(filter: SessionEndFilter, options: FollowOptions): AsyncGenerator<SessionEnd[], void, void>
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
