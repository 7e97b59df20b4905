import type { Knex } from 'knex'
import { excludeSelftests, selectSelftests } from '../audit/excludeSelftests.ts'
import { readTime } from '../database/storedTime.ts'

/** Finds when the newest row of a site was detected, without self-tests. */
export async function findLastRow(
  database: Knex,
  tableName: string,
  site: string,
): Promise<Date | undefined> {
  const row: { detected_at: Date | string } | undefined = await database({ a: tableName })
    .where('a.site', site)
    .modify(excludeSelftests)
    .orderBy('a.detected_at', 'desc')
    .first('a.detected_at')
  return row && readTime(row.detected_at)
}

/**
 * Finds when the newest self-test of each site was detected: the newest row for which `isSelftest` is true.
 *
 * The sites are not part of the condition. Otherwise, a database may search all rows of a site, newest first, instead of
 * the few rows with the subject.
 */
export async function findLastSelftests(database: Knex, tableName: string): Promise<Map<string, Date>> {
  const rows: { site: string; detected_at: Date | string }[] = await database({ a: tableName })
    .select('a.site')
    .max({ detected_at: 'a.detected_at' })
    .modify(selectSelftests)
    .groupBy('a.site')
  return new Map(rows.map((row) => [row.site, readTime(row.detected_at)]))
}
