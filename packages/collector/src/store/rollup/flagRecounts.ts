import type { Knex } from 'knex'
import { listHours } from './changedHours.ts'
import { getRollupTableNames } from './rollupTables.ts'

/** An hour whose flags have to be counted again, by its number since 1970 (UTC). */
export interface Recount {
  readonly id: number
  readonly hour: number
}

/** The rows of one statement. */
const rowsPerInsert = 100
/** The requests of one update. */
const maxRecounts = 1_000

/**
 * Requests that flags are counted again in the hours of rows, and of the rows that correct them. Until that is done,
 * summaries count these hours from the rows.
 *
 * A request is a row of its own, so a request that arrives while its hour is being counted is not lost.
 *
 * @param transaction the transaction that changes or deletes the rows, before it deletes them.
 */
export async function requestRecount(
  transaction: Knex.Transaction,
  tableName: string,
  ids: readonly number[],
): Promise<void> {
  const { recounts } = getRollupTableNames(tableName)
  const hours = await listHours(transaction, tableName, [
    { selectRows: (query) => void query.whereIn('a.id', ids) },
    { selectRows: (query) => void query.whereIn('a.supersedes', ids) },
  ])
  const rows = [...hours].map((hour) => ({ hour }))
  for (let first = 0; first < rows.length; first += rowsPerInsert)
    await transaction(recounts).insert(rows.slice(first, first + rowsPerInsert))
}

/** Reads the oldest requests. */
export async function readRecounts(database: Knex, tableName: string): Promise<Recount[]> {
  const { recounts } = getRollupTableNames(tableName)
  const found: Recount[] = await database(recounts).select('id', 'hour').orderBy('id').limit(maxRecounts)
  return found
}

/** Deletes requests whose hours are counted. */
export async function deleteRecounts(
  transaction: Knex.Transaction,
  tableName: string,
  recounts: readonly Recount[],
): Promise<void> {
  if (recounts.length === 0) return
  const ids = recounts.map(({ id }) => id)
  await transaction(getRollupTableNames(tableName).recounts).whereIn('id', ids).delete()
}
