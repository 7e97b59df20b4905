import type { Knex } from 'knex'
import type { Evidence } from '../../domain/evidence.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { padValues } from '../database/padValues.ts'
import { readTime } from '../database/storedTime.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'

/**
 * Adds what has become known about rows since they were written. It is one more query for each page, which looks up
 * unique keys: joins in the query that finds the page could slow that down.
 */
export async function addDetails(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
): Promise<ListedSessionEnd[]> {
  if (rows.length === 0) return []
  const found: Details[] = await selectDetails(
    database,
    tableName,
    rows.map(({ id }) => id),
  )
  const details = new Map(found.map((each) => [Number(each.id), each]))
  return rows.map((row) => {
    // A row that was purged meanwhile has no details.
    const { supersededBy, correctedEvidence, returnedAt, resumedAt } = details.get(row.id) ?? noDetails
    return {
      ...row,
      supersededBy: supersededBy === null ? null : Number(supersededBy),
      needsReview: correctedEvidence === row.evidence,
      returnedAt: returnedAt === null ? null : readTime(returnedAt),
      resumedAt: resumedAt === null ? null : readTime(resumedAt),
    }
  })
}

interface Details {
  readonly id: number
  readonly supersededBy: number | null
  readonly correctedEvidence: Evidence | null
  readonly returnedAt: Date | string | null
  readonly resumedAt: Date | string | null
}

const noDetails = { supersededBy: null, correctedEvidence: null, returnedAt: null, resumedAt: null }

function selectDetails(database: Knex, tableName: string, ids: readonly number[]): Knex.QueryBuilder {
  const auditTable = splitTableName(tableName)
  const nameTable = (kind: Parameters<typeof getLiveTableName>[1]) =>
    qualify(auditTable, getLiveTableName(auditTable.table, kind))
  return (
    database({ a: tableName })
      .select({
        id: 'a.id',
        supersededBy: 's.id',
        correctedEvidence: 'c.evidence',
        returnedAt: 'r.returned_at',
        resumedAt: database.raw('coalesce(l.resumed_at, m.resumed_at)'),
      })
      .leftJoin({ s: tableName }, 's.supersedes', 'a.id')
      .leftJoin({ c: tableName }, 'c.id', 'a.supersedes')
      .leftJoin({ r: nameTable('return') }, 'r.audit_id', 'a.id')
      .leftJoin({ l: nameTable('live') }, (live) => {
        live.on('l.site', 'a.site').andOn('l.session_key', 'a.session_key').andOn('l.resumes', 'a.id')
      })
      // A row that was recorded under the marker, of a session that was used again under its alias.
      .leftJoin({ m: nameTable('live') }, (live) => {
        live.on('m.site', 'a.site').andOn('m.marker', 'a.marker').andOn('m.resumes', 'a.id')
      })
      .whereIn('a.id', padValues(ids))
  )
}
