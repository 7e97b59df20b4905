import type { Knex } from 'knex'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { padValues } from '../database/padValues.ts'
import { readTime } from '../database/storedTime.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'

/**
 * Adds what has become known about rows since they were written. These are look-ups by unique keys, a few for each page:
 * joins would slow down the query that finds the page.
 *
 * @param areCurrent whether the query has already selected the rows that nothing supersedes.
 */
export async function addDetails(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
  { areCurrent }: { readonly areCurrent: boolean },
): Promise<ListedSessionEnd[]> {
  if (rows.length === 0) return []
  const successors = areCurrent ? new Map<number, number>() : await readSuccessors(database, tableName, rows)
  const evidence = await readCorrectedEvidence(database, tableName, rows)
  const returns = await readReturns(database, tableName, rows)
  const resumptions = await readResumptions(
    database,
    tableName,
    rows.filter(({ id }) => !successors.has(id)),
  )
  return rows.map((row) => ({
    ...row,
    supersededBy: successors.get(row.id) ?? null,
    needsReview: row.supersedes !== null && evidence.get(row.supersedes) === row.evidence,
    returnedAt: returns.get(row.id) ?? null,
    resumedAt: resumptions.get(row.id) ?? null,
  }))
}

/** Reads which rows supersede these rows. */
async function readSuccessors(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
): Promise<Map<number, number>> {
  const found = await database(tableName)
    .select('id', 'supersedes')
    .whereIn('supersedes', padValues(rows.map(({ id }) => id)))
  return new Map(found.map(({ id, supersedes }) => [Number(supersedes), Number(id)]))
}

/** Reads the evidence of the rows that these rows correct. */
async function readCorrectedEvidence(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
): Promise<Map<number, string>> {
  const ids = rows.flatMap(({ supersedes }) => supersedes ?? [])
  if (ids.length === 0) return new Map()
  const found = await database(tableName).select('id', 'evidence').whereIn('id', padValues(ids))
  return new Map(found.map(({ id, evidence }) => [Number(id), evidence]))
}

/** Reads when users came back after timeouts that the sweep recorded. */
async function readReturns(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
): Promise<Map<number, Date>> {
  const ids = rows.filter(({ detectedBy }) => detectedBy === 'sweep').map(({ id }) => id)
  if (ids.length === 0) return new Map()
  const found = await database(nameTable(tableName, 'return'))
    .select('audit_id', 'returned_at')
    .whereIn('audit_id', padValues(ids))
  return new Map(found.map((each) => [Number(each.audit_id), readTime(each.returned_at)]))
}

/** Reads since when sessions have been in use again. The table of live sessions has no index on `resumes`. */
async function readResumptions(
  database: Knex,
  tableName: string,
  rows: readonly SessionEnd[],
): Promise<Map<number, Date>> {
  if (rows.length === 0) return new Map()
  const keys = rows.map(({ site, sessionKey }) => [site, sessionKey])
  const found = await database(nameTable(tableName, 'live'))
    .select('resumes', 'resumed_at')
    .whereIn(['site', 'session_key'], padValues(keys))
    .whereNotNull('resumed_at')
  return new Map(found.map((each) => [Number(each.resumes), readTime(each.resumed_at)]))
}

function nameTable(tableName: string, kind: Parameters<typeof getLiveTableName>[1]): string {
  const auditTable = splitTableName(tableName)
  return qualify(auditTable, getLiveTableName(auditTable.table, kind))
}
