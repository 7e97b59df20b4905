import type { Knex } from 'knex'

/** Reads the sites in a table, with one look-up for each in an index that starts with the site. */
export async function readSites(database: Knex, tableName: string): Promise<string[]> {
  return database
    .withRecursive('sites', ['site'], (sites) => {
      sites
        .min('site')
        .from(tableName)
        .unionAll((next) => {
          next
            .select(
              database.raw('(select min(other.site) from ?? other where other.site > sites.site)', [
                tableName,
              ]),
            )
            .from('sites')
            .whereNotNull('sites.site')
        })
    })
    .from('sites')
    .whereNotNull('site')
    .pluck('site')
}
