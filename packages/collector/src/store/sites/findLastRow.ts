import type { Knex } from 'knex'
import { excludeSelftests, selectSelftests } from '../audit/excludeSelftests.ts'
import { readTime } from '../database/storedTime.ts'

/** Finds when the newest row of a site was detected: of its users, or of a self-test. */
export async function findLastRow(
  database: Knex,
  tableName: string,
  site: string,
  kind: 'real' | 'selftest',
): Promise<Date | undefined> {
  const row: { detected_at: Date | string } | undefined = await database({ a: tableName })
    .where('a.site', site)
    .modify((query) => (kind === 'real' ? excludeSelftests(query) : selectSelftests(query)))
    .orderBy('a.detected_at', 'desc')
    .first('a.detected_at')
  return row && readTime(row.detected_at)
}
