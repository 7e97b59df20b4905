import type { SessionEndFilter, TimeSpan } from './filter.ts'
import type { Tally } from './tally.ts'

export interface SummaryRepository {
  /**
   * Adds the matching rows to the tally, without self-tests.
   *
   * @throws {StorageError} when the database cannot be used.
   */
  summarize(filter: SessionEndFilter & TimeSpan, tally: Tally): Promise<void>
}
