import type { Knex } from 'knex'
import type { SessionEndFilter, TimeSpan } from '../../reading/filter.ts'
import type { Tally } from '../../reading/tally.ts'
import { isSqlite } from '../database/connect.ts'
import { hasErrorCode } from '../database/databaseErrors.ts'
import { storedTime } from '../database/storedTime.ts'
import { rollupTables } from './rollup.ts'
import { allSites, quartersOfDay, type RollupDay, readDay, type StoredDay } from './rollupDay.ts'
import { countRows, type Rows } from './rowCounts.ts'

const quarterMs = 900_000
const dayMs = 86_400_000

/**
 * Counts the rows that match, into the tally: from the rollup as far as it goes, and the rest from the rows. All of it
 * is of one moment.
 */
export function summarize(
  database: Knex,
  tableName: string,
  { from, to, ...equal }: SessionEndFilter & TimeSpan,
  tally: Tally,
): Promise<void> {
  const span = { from: from.getTime(), to: to.getTime() }
  // Since 1972 the clocks of all zones are a multiple of 15 minutes from UTC.
  const isByQuarters = tally.starts.every((start) => start % quarterMs === 0)
  const canUseRollup = isByQuarters && equal.subject === undefined && equal.session === undefined
  const matching = equalTo(equal)
  // SQLite has no other. (Together with `readOnly`, knex would write what MySQL does not understand.)
  const oneMoment = isSqlite(database) ? {} : ({ isolationLevel: 'repeatable read' } as const)

  return database.transaction(async (transaction) => {
    const days = equalTo({ ...equal, site: equal.site ?? allSites })
    const rollup = canUseRollup ? await readRollup(transaction, tableName, days, span) : undefined
    const upToId = rollup?.upToId ?? 0

    /** Rows that the rollup does not have, or not in whole units. */
    const rest = (unitMs: number): ReadRows[] =>
      upToId === 0
        ? [{ rows: within(span) }]
        : [
            { rows: (query) => void query.modify(within(span)).where('id', '>', upToId), by: 'id' },
            ...edges(span, unitMs).map((edge) => ({
              rows: (query: Knex.QueryBuilder) => void query.modify(within(edge)).where('id', '<=', upToId),
            })),
          ]
    const within =
      (part: Span): Rows =>
      (query) =>
        void query
          .modify(matching)
          .where('detected_at', '>=', storedTime(database, new Date(part.from)))
          .where('detected_at', '<', storedTime(database, new Date(part.to)))

    if (rollup) addRollup(rollup.days, span, tally)
    for (const { rows, by } of rest(quarterMs)) {
      if (isByQuarters)
        for (const each of await countRows(transaction, tableName, ['quarter', 'reason'], rows, by))
          tally.add(each.quarter * quarterMs, each.reason, each.count)
      else
        for (const each of await countRows(transaction, tableName, ['second', 'reason'], rows, by))
          tally.add(each.second * 1000, each.reason, each.count)
    }
    for (const { rows, by } of rest(dayMs))
      for (const { step, count } of await countRows(transaction, tableName, ['step'], rows, by))
        tally.addPastLimit(step, count)
  }, oneMoment)
}

/** Rows that have these values in these columns, where one is given. */
function equalTo(columns: Omit<SessionEndFilter, keyof TimeSpan>): Rows {
  return (query) => {
    for (const [column, value] of Object.entries(columns)) if (value !== undefined) query.where(column, value)
  }
}

interface ReadRows {
  readonly rows: Rows
  readonly by?: 'id'
}

/** Epoch milliseconds. */
interface Span {
  readonly from: number
  readonly to: number
}

/** What of a span is no whole unit, at its beginning and at its end. */
function edges({ from, to }: Span, unitMs: number): Span[] {
  const first = Math.ceil(from / unitMs) * unitMs
  const last = Math.floor(to / unitMs) * unitMs
  if (first > last) return [{ from, to }]
  return [
    { from, to: first },
    { from: last, to },
  ].filter((edge) => edge.from < edge.to)
}

interface Rollup {
  /** Up to which row it goes. */
  readonly upToId: number
  readonly days: readonly RollupDay[]
}

/** @returns nothing when the rollup is empty, missing, damaged, or not for this account to read. */
async function readRollup(
  transaction: Knex.Transaction,
  tableName: string,
  matching: Rows,
  { from, to }: Span,
): Promise<Rollup | undefined> {
  const upToId = await rolledUpTo(transaction, tableName)
  if (upToId === 0) return undefined
  const stored: StoredDay[] = await transaction(rollupTables(tableName).days)
    .modify(matching)
    .where('day', '>=', Math.floor(from / dayMs))
    .where('day', '<', Math.ceil(to / dayMs))
  const days: RollupDay[] = []
  for (const each of stored) {
    const day = readDay(each)
    if (!day) return undefined
    days.push(day)
  }
  return { upToId, days }
}

/** Counts the whole quarters of an hour, and how late people came back of the whole days. */
function addRollup(days: readonly RollupDay[], { from, to }: Span, tally: Tally): void {
  for (const { day, reason, quarters, pastLimit } of days) {
    quarters.forEach((count, index) => {
      const at = (day * quartersOfDay + index) * quarterMs
      if (count !== 0 && at >= from && at + quarterMs <= to) tally.add(at, reason, count)
    })
    if (day * dayMs >= from && (day + 1) * dayMs <= to)
      for (const [step, count] of pastLimit) tally.addPastLimit(step, count)
  }
}

/** Up to which row the rollup goes; 0 when it is empty, missing, or not for this account to read. */
async function rolledUpTo(transaction: Knex.Transaction, tableName: string): Promise<number> {
  const { days, state } = rollupTables(tableName)
  try {
    await transaction(days).first('day')
    return Number((await transaction(state).first('up_to_id'))?.up_to_id ?? 0)
  } catch (error) {
    if (isForbidden(error)) return 0
    throw error
  }
}

function isForbidden(error: unknown): boolean {
  return hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR', 'ER_NO_SUCH_TABLE'])
}
