import { setImmediate } from 'node:timers/promises'
import type { Knex } from 'knex'
import { dayMs, quarterHourMs } from '../../domain/durations.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { RollupFilter } from '../../reading/rollupFilter.ts'
import type { Tally } from '../../reading/tally.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { readSites } from '../database/readSites.ts'
import type { EpochSpan } from './epochSpan.ts'
import { allSites, parseDay, quarterHoursPerDay, type RollupDay, type StoredDay } from './rollupDay.ts'
import { getRollupTableNames, type RollupProgress } from './rollupTables.ts'

/** How many days are parsed before other work of this thread continues: 1,000 take a few milliseconds. */
const daysWithoutPause = 1_000

export interface Rollup {
  readonly progress: RollupProgress
  /** The counts of all sites together. */
  readonly total: readonly RollupDay[]
  /** The counts of each site. Null if reading them took too long. Without `withSites`, they are those of `total`. */
  readonly sites: readonly RollupDay[] | null
}

interface RollupOptions {
  /** Whether to read the counts of each site too, which are many. */
  readonly withSites?: boolean
}

/**
 * Reads the counts that match a filter.
 *
 * @returns undefined if the rollup is empty, missing or damaged, or if the account is not allowed to read it.
 */
export async function readRollup(
  transaction: Knex.Transaction,
  tableName: string,
  filter: Omit<RollupFilter, 'limitsKinds'>,
  span: EpochSpan,
  { withSites = true }: RollupOptions = {},
): Promise<Rollup | undefined> {
  const progress = await readProgressIfAllowed(transaction, tableName)
  if (!progress || progress.upToId === 0) return undefined
  const known = await readSites(transaction, getRollupTableNames(tableName).days)
  const names = known.filter((site) => site !== allSites && filter.matchesSite(site))
  const readDays = async (sites: readonly string[], timeLimitMs?: number) => {
    const days = await readRollupDays(transaction, tableName, sites, span, timeLimitMs)
    return days?.filter(filter.matches) ?? (days as null | undefined)
  }
  const total = await readDays(filter.limitsSites ? names : [allSites])
  const needsSites = withSites && !filter.limitsSites
  const sites = needsSites ? await readDays(names, partDeadlineMs) : total
  return total && sites !== undefined ? { progress, total, sites } : undefined
}

/** Adds the counts of whole quarters of an hour, and of how late users returned on whole days. */
export function addRollupDays(days: readonly RollupDay[], { from, to }: EpochSpan, tally: Tally): void {
  for (const { quarterHours, pastLimit, ...kind } of days) {
    const start = kind.day * dayMs
    const first = Math.max(0, Math.ceil((from - start) / quarterHourMs))
    const end = Math.min(quarterHoursPerDay, Math.floor((to - start) / quarterHourMs))
    if (first < end)
      tally.addSeries(start + first * quarterHourMs, quarterHourMs, kind, quarterHours.slice(first, end))
    if (start >= from && start + dayMs <= to)
      for (const [step, count] of pastLimit) tally.addPastLimit(kind.site, step, count)
  }
}

/** @returns undefined if a day is damaged, null if reading took longer than the time limit. */
async function readRollupDays(
  transaction: Knex.Transaction,
  tableName: string,
  sites: readonly string[],
  { from, to }: EpochSpan,
  timeLimitMs = Number.POSITIVE_INFINITY,
): Promise<RollupDay[] | undefined | null> {
  const startedAt = performance.now()
  const days: RollupDay[] = []
  for (const site of sites) {
    if (performance.now() - startedAt > timeLimitMs) return null
    const stored: StoredDay[] = await transaction(getRollupTableNames(tableName).days)
      .where({ site })
      .where('day', '>=', Math.floor(from / dayMs))
      .where('day', '<', Math.ceil(to / dayMs))
    for (const storedDay of stored) {
      const day = parseDay(storedDay)
      if (!day) return undefined
      days.push(day)
      if (days.length % daysWithoutPause === 0) await setImmediate()
    }
  }
  return days
}

/** @returns undefined if the rollup is missing, or if the account is not allowed to read it. */
async function readProgressIfAllowed(
  transaction: Knex.Transaction,
  tableName: string,
): Promise<RollupProgress | undefined> {
  try {
    await transaction(getRollupTableNames(tableName).days).first('day')
    return await readProgress(transaction, tableName)
  } catch (error) {
    if (hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR', 'ER_NO_SUCH_TABLE'])) return undefined
    throw error
  }
}

/** Reads which rows and returns are counted. */
export async function readProgress(database: Knex, tableName: string): Promise<RollupProgress> {
  const found = await database(getRollupTableNames(tableName).progress).first()
  return {
    upToId: Number(found?.up_to_id ?? 0),
    upToReturnId: Number(found?.up_to_return_id ?? 0),
    flagsUpToId: Number(found?.flags_up_to_id ?? 0),
    flagUpdates: Number(found?.flag_updates ?? 0),
  }
}
