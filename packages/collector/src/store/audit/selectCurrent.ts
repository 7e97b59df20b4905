import type { Knex } from 'knex'

/**
 * Adds the condition that no row supersedes the row `a`.
 *
 * For each row it is a look-up in a unique index. An outer join says so more plainly than `not exists`, which MySQL may
 * turn into a scan of all superseding rows.
 */
export function selectCurrent(query: Knex.QueryBuilder, tableName: string): void {
  query.leftJoin({ successor: tableName }, 'successor.supersedes', 'a.id').whereNull('successor.id')
}
