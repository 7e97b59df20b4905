import type { Knex } from 'knex'
import type { LapseFilter, TimeSpan } from '../lapse/filter.ts'
import type { Tally } from '../lapse/tally.ts'
import { countRows, type Rows } from './rowCounts.ts'
import { storedTime } from './storedTime.ts'

/** Counts the rows that match, into the tally. */
export async function summarize(
  database: Knex,
  tableName: string,
  { from, to, ...equal }: LapseFilter & TimeSpan,
  tally: Tally,
): Promise<void> {
  const rows: Rows = (query) => {
    for (const [column, value] of Object.entries(equal)) if (value !== undefined) query.where(column, value)
    query
      .where('detected_at', '>=', storedTime(database, from))
      .where('detected_at', '<', storedTime(database, to))
  }
  // The clocks of all zones have been a multiple of 15 minutes from UTC since 1972.
  const isByQuarters = tally.starts.every((start) => start % 900_000 === 0)
  if (isByQuarters) {
    for (const { quarter, reason, count } of await countRows(
      database,
      tableName,
      ['quarter', 'reason'],
      rows,
    ))
      tally.add(quarter * 900_000, reason, count)
  } else {
    for (const { second, reason, count } of await countRows(database, tableName, ['second', 'reason'], rows))
      tally.add(second * 1000, reason, count)
  }
  for (const { step, count } of await countRows(database, tableName, ['step'], rows))
    tally.addPastLimit(step, count)
}
