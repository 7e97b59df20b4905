import type { QuarterHourCounts } from '../domain/alarms/quarterHourCounts.ts'
import type { RefusalCount } from '../domain/alarms/refusals.ts'
import type { Silence } from '../domain/alarms/silence.ts'

/** When the newest rows of a site were detected. */
export interface LastRows {
  /** Without self-tests. Undefined if the site has no rows. */
  readonly lastRowAt: Date | undefined
  readonly lastSelftestAt: Date | undefined
}

/** The live sessions of a site, without self-tests. */
export interface LiveActivity {
  readonly liveSessions: number
  readonly lastActivityAt: Date
}

/**
 * Reads what shows whether sites are still reporting.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface SiteRepository {
  /**
   * Counts current rows by site, without self-tests.
   *
   * @param from a number of quarters of an hour since 1970.
   * @param to exclusive.
   */
  countRows(
    sites: readonly string[],
    from: number,
    to: number,
  ): Promise<ReadonlyMap<string, QuarterHourCounts>>
  findLastRows(sites: readonly string[]): Promise<ReadonlyMap<string, LastRows>>
  /** Reads all live sessions, so this takes a quarter of a second for a million. */
  readLiveActivity(): Promise<ReadonlyMap<string, LiveActivity>>
  /** Reads the refused reports from a quarter of an hour on. */
  readRefusals(fromQuarterHour: number): Promise<readonly RefusalCount[]>
  /** Reads the silences that `saveSilences` has saved, by site. */
  readSilences(): Promise<ReadonlyMap<string, Silence>>
}
