import type { Knex } from 'knex'

/**
 * Reads the sites in a table, with one look-up for each in an index that starts with the site. `select distinct` reads
 * the whole index in SQLite, and so does one statement for all look-ups in MariaDB.
 */
export async function readSites(database: Knex, tableName: string): Promise<string[]> {
  const sites: string[] = []
  for (;;) {
    const last = sites.at(-1)
    const query = database(tableName).min({ site: 'site' })
    if (last !== undefined) query.where('site', '>', last)
    const [next]: { readonly site?: string | null }[] = await query
    if (typeof next?.site !== 'string') return sites
    sites.push(next.site)
  }
}
