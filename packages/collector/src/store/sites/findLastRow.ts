import type { Knex } from 'knex'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
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
    .where(kind === 'real' ? excludeSelftests : selectSelftests)
    .orderBy('a.detected_at', 'desc')
    .first('a.detected_at')
  return row && readTime(row.detected_at)
}

/** `isSelftest`. The index on the subject finds the rows. */
function selectSelftests(query: Knex.QueryBuilder): void {
  query
    .where({ 'a.subject': selftestSubject, 'a.client_version': selftestClient })
    .whereRaw('substr(a.session, 1, ?) = ?', [selftestSessionPrefix.length, selftestSessionPrefix])
    .whereNot('a.evidence', 'server')
    .whereIn('a.detected_by', selftestDetectedBy)
    .whereNull('a.supersedes')
}
