import type { Knex } from 'knex'
import { dayMs } from '../../domain/durations.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { isRefusal } from '../database/isRefusal.ts'
import { toStoredTime } from '../database/storedTime.ts'
import {
  allSites,
  getDayNumber,
  RollupDays,
  type RollupKey,
  type StoredDay,
  serializeDay,
} from './rollupDay.ts'
import { getRollupTableNames, type RollupProgress } from './rollupTables.ts'
import { countRows, countSteps, type RowSelection } from './rowCounts.ts'

const maxUpsertRows = 100
/** In characters: a server may accept statements of no more than 1 MiB (`max_allowed_packet`). */
const maxUpsertLength = 256 * 1024
const keyColumns = ['site', 'day', 'reason', 'evidence'] as const

/** Rows that could not be counted, so summaries do not include them. */
export interface SkippedRows {
  readonly rows: number
  readonly reason: string
  readonly cause?: unknown
}

/** Rows that are added to the rollup or subtracted from it. */
export interface CountChange extends RowSelection {
  /** 1 adds the rows, -1 subtracts them. */
  readonly sign: 1 | -1
  /** Whether only the counts by the time of the return change. */
  readonly changesReturnsOnly?: boolean
}

/**
 * Changes the rollup.
 *
 * @param progress what is counted before the change.
 */
export async function changeCounts(
  transaction: Knex.Transaction,
  tableName: string,
  changes: readonly CountChange[],
  progress: RollupProgress,
): Promise<SkippedRows[]> {
  const counted = []
  for (const change of changes) counted.push(await count(transaction, tableName, change))
  const table = getRollupTableNames(tableName).days
  const counts = counted.flatMap(({ quarterHours, steps }) => [...quarterHours, ...steps])
  const sites = new Set(counts.map(({ site }) => site))
  const dayNumbers = new Set(counts.flatMap((each) => getDayNumber(each) ?? []))
  const stored: StoredDay[] = await transaction(table)
    .whereIn('site', [...sites, allSites])
    .whereIn('day', [...dayNumbers])
  const days = new RollupDays(stored)
  for (const key of days.damaged) await recountDay(transaction, tableName, days, key, progress)
  let rowsWithoutDay = 0
  for (const { quarterHours, steps, sign } of counted) rowsWithoutDay += days.add(quarterHours, steps, sign)
  const skipped = await saveDays(transaction, table, days)
  const emptyKeys = days.empty.map((day) => keyColumns.map((column) => day[column]))
  if (emptyKeys.length > 0)
    await transaction(table)
      .whereIn([...keyColumns], emptyKeys)
      .delete()
  if (rowsWithoutDay > 0)
    skipped.push({ rows: rowsWithoutDay, reason: 'detected_at is not a time from 1970 to 9999' })
  return skipped
}

async function count(transaction: Knex.Transaction, tableName: string, change: CountChange) {
  const { sign, changesReturnsOnly, ...selection } = change
  const locking = { ...selection, isLocking: true }
  const quarterHours = changesReturnsOnly
    ? []
    : await countRows(transaction, tableName, ['quarterHour', 'site', 'reason', 'evidence'], locking)
  const steps = await countSteps(transaction, tableName, ['day', 'site', 'evidence'], locking)
  return { sign, quarterHours, steps }
}

/** Counts the rows of a day again, because its stored counts cannot be read. */
async function recountDay(
  transaction: Knex.Transaction,
  tableName: string,
  days: RollupDays,
  key: RollupKey,
  { upToId, upToReturnId }: RollupProgress,
): Promise<void> {
  const { day, site, reason, evidence } = key
  const startOf = (dayNumber: number) => toStoredTime(transaction, new Date(dayNumber * dayMs))
  const selection: RowSelection = {
    upToReturnId,
    selectRows: (query) =>
      void query
        .where({ 'a.reason': reason, 'a.evidence': evidence, ...(site !== allSites && { 'a.site': site }) })
        .where('a.detected_at', '>=', startOf(day))
        .where('a.detected_at', '<', startOf(day + 1))
        .where('a.id', '<=', upToId)
        .modify(selectCurrent, tableName, upToId),
  }
  const quarterHours = await countRows(transaction, tableName, ['quarterHour'], selection)
  const steps = await countSteps(transaction, tableName, [], selection)
  days.restore(key, quarterHours, steps)
}

/** Saves the counts, except those of days that the database refuses, for example because of a constraint. */
async function saveDays(
  transaction: Knex.Transaction,
  table: string,
  days: RollupDays,
): Promise<SkippedRows[]> {
  const upsert = (batch: readonly StoredDay[]) =>
    transaction(table)
      .insert(batch)
      .onConflict([...keyColumns])
      .merge(['quarters', 'past_limit'])
  const skipped: SkippedRows[] = []
  for (const batch of splitIntoBatches(days.nonEmpty.map(serializeDay))) {
    try {
      await upsert(batch)
    } catch (refusal) {
      if (!isRefusal(refusal)) throw refusal
      for (const day of batch) {
        const cause = await upsert([day]).then(() => undefined, returnRefusal)
        // Each row is also counted for all sites: report it once.
        const rows = days.countChanged(day)
        if (cause !== undefined && day.site !== allSites && rows > 0)
          skipped.push({
            rows,
            reason: `the database refused ${describeDay(day)}`,
            cause,
          })
      }
    }
  }
  return skipped
}

function returnRefusal(error: unknown): unknown {
  if (isRefusal(error)) return error
  throw error
}

function describeDay({ site, day, reason, evidence }: RollupKey): string {
  const date = new Date(day * dayMs).toISOString().slice(0, 10)
  return `the counts of the site "${site}" on ${date} (${reason}, ${evidence})`
}

function* splitIntoBatches(days: readonly StoredDay[]): Generator<StoredDay[]> {
  let batch: StoredDay[] = []
  let batchLength = 0
  for (const day of days) {
    const length = day.quarters.length + day.past_limit.length
    if (batch.length === maxUpsertRows || (batch.length > 0 && batchLength + length > maxUpsertLength)) {
      yield batch
      batch = []
      batchLength = 0
    }
    batch.push(day)
    batchLength += length
  }
  if (batch.length > 0) yield batch
}
