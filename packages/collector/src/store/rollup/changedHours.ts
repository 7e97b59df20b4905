import type { Knex } from 'knex'
import { hourMs } from '../../domain/durations.ts'
import { maxEpochMs } from '../../domain/validation/fieldSchemas.ts'
import type { EpochSpan } from './epochSpan.ts'
import { countRows, type RowSelection } from './rowCounts.ts'

/**
 * Lists the hours since 1970 (UTC) whose counts of flags the rows change: those of the rows, and of the rows that they
 * correct.
 *
 * @param selectIds selects the ids of the rows, given the column of the id.
 */
export function listChangedHours(
  connection: Knex,
  tableName: string,
  selectIds: (query: Knex.QueryBuilder, column: string) => void,
): Promise<Set<number>> {
  return listHours(connection, tableName, [
    { from: 'newest', selectRows: (query) => selectIds(query, 'a.id') },
    { from: 'superseded', selectRows: (query) => selectIds(query, 's.id') },
  ])
}

/** Lists the hours of rows since 1970 (UTC). */
export async function listHours(
  connection: Knex,
  tableName: string,
  selections: readonly RowSelection[],
): Promise<Set<number>> {
  const hours = new Set<number>()
  for (const selection of selections)
    for (const { hour } of await countRows(connection, tableName, ['hour'], selection))
      if (isHour(hour)) hours.add(hour)
  return hours
}

/** Databases return null or a negative number for times that are not valid. */
const isHour = (hour: number | null) => hour !== null && hour >= 0 && hour <= maxEpochMs / hourMs

/** Joins adjacent hours. */
export function joinHours(hours: Iterable<number>): EpochSpan[] {
  const spans: { from: number; to: number }[] = []
  for (const hour of [...hours].sort((a, b) => a - b)) {
    const last = spans.at(-1)
    if (last?.to === hour * hourMs) last.to += hourMs
    else spans.push({ from: hour * hourMs, to: (hour + 1) * hourMs })
  }
  return spans
}
