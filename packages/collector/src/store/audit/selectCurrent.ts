import type { Knex } from 'knex'

/**
 * Adds the condition that no row supersedes the row `a`.
 *
 * For each row it is one look-up in a unique index. It is written as a comparison because databases may rewrite
 * `not exists` as a join, and then scan all superseding rows or lock the gaps between them.
 *
 * @param upToId ignores superseding rows with a higher id.
 */
export function selectCurrent(query: Knex.QueryBuilder, tableName: string, upToId?: number): void {
  const successor = 'select s.id from ?? s where s.supersedes = a.id'
  if (upToId === undefined) query.whereRaw(`(${successor}) is null`, [tableName])
  else query.whereRaw(`(${successor} and s.id <= ?) is null`, [tableName, upToId])
}
