import type { Knex } from 'knex'
import { dayMs } from '../../domain/durations.ts'
import { isRefusal } from '../database/isRefusal.ts'
import { toStoredTime } from '../database/storedTime.ts'
import {
  allSites,
  parseDayNumber,
  RollupDays,
  type RollupKey,
  type StoredDay,
  serializeDay,
} from './rollupDay.ts'
import { getRollupTableNames } from './rollupTables.ts'
import { countRows, type SelectRows } from './rowCounts.ts'

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

interface CountChange {
  readonly selectRows: SelectRows
  /** The watermark before the change: rows up to this id are counted. */
  readonly countedUpToId: number
  /** 1 adds the rows, -1 subtracts them. */
  readonly sign: 1 | -1
}

/** Adds rows to the rollup, or subtracts them. */
export async function changeCounts(
  transaction: Knex.Transaction,
  tableName: string,
  { selectRows, countedUpToId, sign }: CountChange,
): Promise<SkippedRows[]> {
  // A locking read waits for transactions that are changing one of the rows. SQLite ignores it, and does not need the
  // lock.
  const selectLocked: SelectRows = (query) => void query.modify(selectRows).forShare()
  const quarterHours = await countRows(
    transaction,
    tableName,
    ['quarterHour', 'site', 'reason', 'evidence'],
    selectLocked,
  )
  const steps = await countRows(transaction, tableName, ['step', 'day', 'site', 'evidence'], selectLocked)
  const table = getRollupTableNames(tableName).days
  const sites = new Set(quarterHours.map(({ site }) => site))
  const dayNumbers = new Set(quarterHours.flatMap(({ quarterHour }) => parseDayNumber(quarterHour) ?? []))
  const stored: StoredDay[] = await transaction(table)
    .whereIn('site', [...sites, allSites])
    .whereIn('day', [...dayNumbers])
  const days = new RollupDays(stored)
  for (const key of days.damaged) await recountDay(transaction, tableName, days, key, countedUpToId)
  const rowsWithoutDay = days.add(quarterHours, steps, sign)
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

/** Counts the rows of a day again, because its stored counts cannot be read. */
async function recountDay(
  transaction: Knex.Transaction,
  tableName: string,
  days: RollupDays,
  key: RollupKey,
  countedUpToId: number,
): Promise<void> {
  const { day, site, reason, evidence } = key
  const startOf = (dayNumber: number) => toStoredTime(transaction, new Date(dayNumber * dayMs))
  const selectRows: SelectRows = (query) =>
    void query
      .where({ reason, evidence, ...(site !== allSites && { site }) })
      .where('detected_at', '>=', startOf(day))
      .where('detected_at', '<', startOf(day + 1))
      .where('id', '<=', countedUpToId)
  const quarterHours = await countRows(transaction, tableName, ['quarterHour'], selectRows)
  const steps = await countRows(transaction, tableName, ['step'], selectRows)
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
        if (cause !== undefined && day.site !== allSites)
          skipped.push({
            rows: days.countChanged(day),
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
