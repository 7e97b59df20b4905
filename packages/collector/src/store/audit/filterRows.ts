import type { Knex } from 'knex'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { toStoredTime } from '../database/storedTime.ts'

/** Adds the conditions of a filter on the rows `alias`. */
export function filterRows(
  query: Knex.QueryBuilder,
  database: Knex,
  alias: string,
  { from, to, ...equalTo }: SessionEndFilter,
): void {
  for (const [column, value] of Object.entries(equalTo))
    if (value !== undefined) query.where(`${alias}.${column}`, value)
  if (from) query.where(`${alias}.detected_at`, '>=', toStoredTime(database, from))
  if (to) query.where(`${alias}.detected_at`, '<', toStoredTime(database, to))
}

/**
 * Adds the condition that a row `a` matches, or that the row `c` that it corrects does: whoever has read that row must
 * learn of the correction.
 */
export function filterRowsAndCorrections(
  query: Knex.QueryBuilder,
  database: Knex,
  filter: SessionEndFilter,
): void {
  query.where((either) => {
    for (const alias of ['a', 'c'])
      either.orWhere((row) => row.whereNotNull(`${alias}.id`).modify(filterRows, database, alias, filter))
  })
}
