import type { Knex } from 'knex'
import type { CountSeries, QuarterHourCounts } from '../../domain/alarms/quarterHourCounts.ts'
import { quarterHourMs } from '../../domain/durations.ts'
import { getSnapshot } from '../database/getSnapshot.ts'
import { toStoredTime } from '../database/storedTime.ts'
import type { EpochSpan } from '../rollup/epochSpan.ts'
import { readRollup } from '../rollup/readRollup.ts'
import { quarterHoursPerDay } from '../rollup/rollupDay.ts'
import { countRows, type RowCount, type SelectRows } from '../rollup/rowCounts.ts'
import { listAll, listUncounted } from '../rollup/uncountedRows.ts'

interface CountRequest {
  readonly sites: readonly string[]
  /** A number of quarters of an hour since 1970. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly signal: AbortSignal
}

/**
 * Counts the current rows of sites by quarters of an hour, reason and evidence. Counts come from the rollup, and only
 * newer rows are read. One transaction makes all counts consistent.
 */
export function countQuarterHours(
  database: Knex,
  tableName: string,
  { sites, from, to, signal }: CountRequest,
): Promise<Map<string, QuarterHourCounts>> {
  const span = { from: from * quarterHourMs, to: to * quarterHourMs }
  const selectSpan =
    (part: EpochSpan): SelectRows =>
    (query) =>
      void query
        .whereIn('a.site', sites)
        .where('a.detected_at', '>=', toStoredTime(database, new Date(part.from)))
        .where('a.detected_at', '<', toStoredTime(database, new Date(part.to)))

  return database.transaction(async (transaction) => {
    const counts = new SiteCounts(from, to)
    const matchesSite = (site: string) => sites.includes(site)
    const filter = { limitsSites: true, matchesSite, matches: () => true }
    const rollup = await readRollup(transaction, tableName, filter, span)
    for (const { day, quarterHours, ...key } of rollup?.total ?? [])
      counts.addFrom(day * quarterHoursPerDay, key, quarterHours)
    const { rows } = rollup
      ? listUncounted(tableName, rollup.progress, span, quarterHourMs, selectSpan)
      : listAll(tableName, selectSpan(span), false)
    for (const { sign, ...selection } of rows) {
      signal.throwIfAborted()
      const groups = ['quarterHour', 'site', 'reason', 'evidence'] as const
      for (const row of await countRows(transaction, tableName, groups, selection))
        counts.addFrom(row.quarterHour, row, [sign * row.count])
    }
    return counts.bySite
  }, getSnapshot(database))
}

type SeriesKey = Omit<RowCount<'site' | 'reason' | 'evidence'>, 'count'>

interface MutableSeries extends CountSeries {
  readonly counts: number[]
}

/** Collects counts by site. */
class SiteCounts {
  readonly #first: number
  readonly #length: number
  readonly #bySite = new Map<string, Map<string, MutableSeries>>()

  constructor(from: number, to: number) {
    this.#first = from
    this.#length = to - from
  }

  /** Adds the counts of consecutive quarters of an hour. */
  addFrom(firstQuarterHour: number, key: SeriesKey, counts: readonly number[]): void {
    const series = this.#getOrCreate(key)
    const offset = firstQuarterHour - this.#first
    for (let index = Math.max(0, -offset); index < counts.length && offset + index < this.#length; index++)
      series[offset + index] = (series[offset + index] ?? 0) + (counts[index] ?? 0)
  }

  #getOrCreate({ site, reason, evidence }: SeriesKey): number[] {
    const ofSite = this.#bySite.get(site) ?? new Map<string, MutableSeries>()
    this.#bySite.set(site, ofSite)
    const key = `${reason} ${evidence}`
    const found = ofSite.get(key)
    if (found) return found.counts
    const counts = Array.from({ length: this.#length }, () => 0)
    ofSite.set(key, { reason, evidence, counts })
    return counts
  }

  get bySite(): Map<string, QuarterHourCounts> {
    return new Map(
      Array.from(this.#bySite, ([site, series]) => [
        site,
        { first: this.#first, series: [...series.values()] },
      ]),
    )
  }
}
