import type { Knex } from 'knex'
import { dayMs, quarterHourMs } from '../../domain/durations.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { Tally } from '../../reading/tally.ts'
import type { EpochSpan } from './epochSpan.ts'
import { parseDay, quarterHoursPerDay, type RollupDay, type StoredDay } from './rollupDay.ts'
import { getRollupTableNames, type RollupProgress } from './rollupTables.ts'

interface Rollup extends RollupProgress {
  readonly days: readonly RollupDay[]
}

/** @returns undefined if the rollup is empty, missing or damaged, or if the account is not allowed to read it. */
export async function readRollup(
  transaction: Knex.Transaction,
  tableName: string,
  selectDays: (query: Knex.QueryBuilder) => void,
  { from, to }: EpochSpan,
): Promise<Rollup | undefined> {
  const progress = await readProgressIfAllowed(transaction, tableName)
  if (!progress || progress.upToId === 0) return undefined
  const stored: StoredDay[] = await transaction(getRollupTableNames(tableName).days)
    .modify(selectDays)
    .where('day', '>=', Math.floor(from / dayMs))
    .where('day', '<', Math.ceil(to / dayMs))
  const days: RollupDay[] = []
  for (const storedDay of stored) {
    const day = parseDay(storedDay)
    if (!day) return undefined
    days.push(day)
  }
  return { ...progress, days }
}

/** Adds the counts of whole quarters of an hour, and of how late users returned on whole days. */
export function addRollupDays(days: readonly RollupDay[], { from, to }: EpochSpan, tally: Tally): void {
  for (const { day, reason, quarterHours, pastLimit } of days) {
    quarterHours.forEach((count, index) => {
      const start = (day * quarterHoursPerDay + index) * quarterHourMs
      if (count !== 0 && start >= from && start + quarterHourMs <= to) tally.add(start, reason, count)
    })
    if (day * dayMs >= from && (day + 1) * dayMs <= to)
      for (const [step, count] of pastLimit) tally.addPastLimit(step, count)
  }
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
  const found = await database(getRollupTableNames(tableName).progress).first('up_to_id', 'up_to_return_id')
  return { upToId: Number(found?.up_to_id ?? 0), upToReturnId: Number(found?.up_to_return_id ?? 0) }
}
