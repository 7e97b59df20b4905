import { emptyRecords } from '../../domain/decisions/sessionState.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { formatKey } from '../../recording/sessionIds.ts'
import { decide, getKeys, type SessionWork, type WorkOutcome } from '../../recording/sessionWork.ts'
import { insertedColumns } from '../audit/auditColumns.ts'
import { isServerError } from '../database/mysql/mysqlClient.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { insertAndReadIds, listRowValues } from './insertSessionEnds.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { assertUnsplitSessions, SimultaneousReportsError } from './simultaneousReports.ts'
import { splitRows } from './splitRows.ts'

type Result =
  | { readonly kind: 'inserted'; readonly outcomes: readonly WorkOutcome[] }
  /** Something is known about one of the sessions, or there are live sessions. */
  | { readonly kind: 'guarded' }
  | { readonly kind: 'unsuitable' }

const nothingKnown = { own: emptyRecords, underMarker: emptyRecords }
const revisionIndex = insertedColumns.indexOf('revision')

/**
 * Inserts the first rows of sessions with one statement, if that is all that a batch of reports changes. Most batches
 * are like that in applications that report ends only, and a transaction needs six statements for them.
 *
 * The reports are decided as if nothing was known about their sessions. The statement checks that: it stores nothing
 * if there is any live session, or if one of the sessions has a row.
 */
export async function insertFirstRows(
  connection: MysqlConnection,
  statements: MysqlStatements,
  works: readonly SessionWork[],
): Promise<Result> {
  // The ids of several rows cannot be computed then, and reading them needs a transaction.
  if (connection.mayChangeIdStep && works.length > 1) return { kind: 'unsuitable' }
  const decided = decideFirstRows(works)
  if (!decided) return { kind: 'unsuitable' }
  const { rows, markers } = decided
  const values = listRowValues(rows)
  const [first, ...others] = values
  if (!first || splitRows(values, connection.maxPacketBytes / 2).length > 1) return { kind: 'unsuitable' }

  const guarded = [...first.slice(0, revisionIndex), ...markers, ...first.slice(revisionIndex)]
  try {
    const statement = statements.insertFirstRows(rows.length)
    const sent = [...guarded, ...others.flat()]
    const insert = () => insertAndReadIds(connection, statements, statement, rows, sent)
    const ids = rows.some(({ sessionKey, marker }) => sessionKey === marker)
      ? await insertInTransaction(connection, statements, rows, insert)
      : await insert()
    const outcomes = rows.map(
      (row, index) => ({ kind: 'recorded', row: { id: ids[index] ?? 0, ...row }, duplicate: false }) as const,
    )
    return { kind: 'inserted', outcomes }
  } catch (error) {
    if (!isServerError(error) && !(error instanceof SimultaneousReportsError)) throw error
    // Whatever else is wrong, the transaction finds out which report it is about.
    return { kind: hasErrorCode(error, ['ER_BAD_NULL_ERROR']) ? 'guarded' : 'unsuitable' }
  }
}

/**
 * Inserts rows of which some have no alias. They must not be committed together with a row of their session under its
 * alias. That one needs no check of its own: its statement waits for what has been inserted under the marker.
 */
async function insertInTransaction(
  connection: MysqlConnection,
  statements: MysqlStatements,
  rows: readonly NewSessionEnd[],
  insert: () => Promise<number[]>,
): Promise<number[]> {
  await execute(connection.connection, 'start transaction')
  try {
    const ids = await insert()
    await assertUnsplitSessions(connection, statements, rows, () => false)
    await execute(connection.connection, 'commit')
    return ids
  } catch (error) {
    // The connection is closed if it failed, or if the rollback fails.
    if (isServerError(error) || error instanceof SimultaneousReportsError)
      await execute(connection.connection, 'rollback')
    throw error
  }
}

/** @returns the rows, and the sites and markers that must not have a row; undefined if there is more to change. */
function decideFirstRows(works: readonly SessionWork[]) {
  const keysOfBatch = new Set<string>()
  const rows: NewSessionEnd[] = []
  const markers: string[] = []
  for (const work of works) {
    if (work.kind === 'activity') return undefined
    // The unique key checks the session's own key.
    const { site, own, underMarker = own } = getKeys(work)
    const [ownKey, markerKey] = [formatKey(site, own), formatKey(site, underMarker)]
    if (keysOfBatch.has(ownKey) || keysOfBatch.has(markerKey)) return undefined
    keysOfBatch.add(ownKey).add(markerKey)
    const [change, ...otherChanges] = decide(work, nothingKnown).changes
    if (change?.kind !== 'insertRow' || otherChanges.length > 0) return undefined
    rows.push(change.row)
    markers.push(site, underMarker)
  }
  return { rows, markers }
}
