import type { SessionEndFilter, TimeSpan } from './filter.ts'
import type { Tally } from './tally.ts'

export interface SummaryRepository {
  /**
   * Counts the matching rows into the tally. Self-tests are left out.
   *
   * @throws {StorageError} when the database cannot be used.
   */
  summarize(filter: SessionEndFilter & TimeSpan, tally: Tally): Promise<void>
}
