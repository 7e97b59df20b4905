import type { Knex } from 'knex'
import type { SessionEndFilter, SessionEndSelection } from '../../reading/filter.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { padValues } from '../database/padValues.ts'
import { excludeSelftests } from './excludeSelftests.ts'
import { type FilteredRows, filterRows } from './filterRows.ts'

type Tables = Pick<FilteredRows, 'database' | 'tableName'>

/**
 * Adds the condition that a row `a` matches or corrects another row. `dropUnrelatedCorrections` then drops the
 * corrections that the reader need not learn of.
 */
export function filterRowsOrCorrections(
  query: Knex.QueryBuilder,
  tables: Tables,
  { revisions: _, selftests, site, ...filter }: SessionEndSelection,
): void {
  // A row and its corrections have the same site.
  if (site !== undefined) query.where({ 'a.site': site })
  if (distinguishesRevisions(filter))
    query.where((either) => {
      either
        .whereNotNull('a.supersedes')
        .orWhere((row) => row.modify(filterRows, { ...tables, alias: 'a' }, { ...filter, site }))
    })
  // A self-test corrects no row.
  if (selftests !== 'include') query.modify(excludeSelftests)
}

/**
 * Drops the corrections that do not match, and of which no earlier revision does. Whoever has read an earlier revision
 * must learn of all that follow: otherwise, a wrong row would be the last one that the reader has.
 *
 * @param rows those that `filterRowsOrCorrections` selects.
 */
export async function dropUnrelatedCorrections<Row extends Readonly<Record<string, unknown>>>(
  tables: Tables,
  { revisions: _, selftests: __, ...filter }: SessionEndSelection,
  rows: readonly Row[],
): Promise<Row[]> {
  const corrections = rows.filter(({ supersedes }) => supersedes !== null)
  if (corrections.length === 0 || !distinguishesRevisions(filter)) return [...rows]
  const ids = corrections.map(({ id }) => Number(id))
  const related = new Set(await findRelated(tables, filter, ids))
  return rows.filter(({ id, supersedes }) => supersedes === null || related.has(Number(id)))
}

/** Whether a filter can match one row of a session, but not another one. */
export function distinguishesRevisions({
  site: _,
  revisions: __,
  selftests: ___,
  ...filter
}: SessionEndSelection): boolean {
  return Object.values(filter).some((value) => value !== undefined)
}

/** Finds those of the rows that match, or that correct a row that matches, directly or through others. */
async function findRelated(
  { database, tableName }: Tables,
  filter: SessionEndFilter,
  ids: readonly number[],
): Promise<number[]> {
  const join = isSqlite(database) ? 'cross join' : 'straight_join'
  const found: { readonly correction: number | string }[] = await database
    .withRecursive('history', ['correction', 'id', 'supersedes'], (history) => {
      history
        .select({ correction: 'id' }, 'id', 'supersedes')
        .from(tableName)
        .whereIn('id', padValues(ids))
        // `union` without `all` also ends if somebody has changed the rows so that they form a circle.
        .union((earlier) => {
          earlier
            .select('history.correction', 'e.id', 'e.supersedes')
            .from({ e: tableName })
            .join('history', 'history.supersedes', 'e.id')
        })
    })
    // In this order. Otherwise, a database may read all rows that match the filter.
    .from(database.raw(`history ${join} ?? as a on a.id = history.id`, [tableName]))
    .distinct('history.correction')
    .modify(filterRows, { database, tableName, alias: 'a' }, filter)
  return found.map(({ correction }) => Number(correction))
}
