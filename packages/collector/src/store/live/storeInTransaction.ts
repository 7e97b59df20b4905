import { setTimeout as sleep } from 'node:timers/promises'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { type BatchChanges, SessionBatch } from '../../recording/sessionBatch.ts'
import type { SessionWork, WorkOutcome } from '../../recording/sessionWork.ts'
import { isRetryable } from '../database/databaseErrors.ts'
import { isRefusal } from '../database/isRefusal.ts'
import { isServerError } from '../database/mysql/mysqlClient.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import { insertSessionEnds } from './insertSessionEnds.ts'
import { lockLive, selectLinks } from './linkedSessions.ts'
import { toKeyValues, toLiveValues, toLogoutValues } from './liveColumns.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { readHistories } from './readHistories.ts'
import { assertUnsplitSessions, SimultaneousReportsError } from './simultaneousReports.ts'
import { splitAndPadRows, splitRows } from './splitRows.ts'

const maxAttempts = 8
const maxPauseMs = 20
/**
 * A transaction that starts again sees what it collided with, so one more attempt is usually enough. A trigger of the
 * application can violate a unique key of its own each time.
 */
const maxAttemptsAfterDuplicate = 4

/**
 * Stores what a batch of reports changes, in one transaction.
 *
 * Every transaction locks the live sessions of its reports, in the same order, before it reads anything else about
 * them. Rows that do not exist cannot be locked. There the unique keys decide: a transaction that violates one, because
 * another collector was first, starts again and sees what the other one did. The same goes for deadlocks, for a commit
 * that a cluster does not certify, and for simultaneous reports of a session under its marker and under its alias.
 *
 * A refusal of one report rolls back all of them. The batch is then split until that report is alone.
 */
export async function storeInTransaction(
  connection: MysqlConnection,
  statements: MysqlStatements,
  works: readonly SessionWork[],
  attempt = 1,
): Promise<readonly WorkOutcome[]> {
  try {
    return await runTransaction(connection, statements, works, attempt)
  } catch (error) {
    // The connection is closed if it failed, or if the rollback fails.
    const isSplit = error instanceof SimultaneousReportsError
    if (!isServerError(error) && !isSplit) throw error
    await execute(connection.connection, 'rollback')
    const isDuplicate = hasErrorCode(error, ['ER_DUP_ENTRY'])
    if (
      attempt < (isDuplicate ? maxAttemptsAfterDuplicate : maxAttempts) &&
      (isDuplicate || isSplit || isRetryable(error))
    ) {
      if (!isDuplicate) await sleep(Math.random() * maxPauseMs * attempt)
      return storeInTransaction(connection, statements, works, attempt + 1)
    }
    if (!isRefusal(error)) throw error
    const middle = works.length >> 1
    if (middle === 0) return works.map(() => ({ kind: 'failed', refusal: error }))
    return [
      ...(await storeInTransaction(connection, statements, works.slice(0, middle))),
      ...(await storeInTransaction(connection, statements, works.slice(middle))),
    ]
  }
}

async function runTransaction(
  connection: MysqlConnection,
  statements: MysqlStatements,
  works: readonly SessionWork[],
  attempt: number,
): Promise<readonly WorkOutcome[]> {
  const batch = new SessionBatch(works)
  await execute(connection.connection, 'start transaction')
  await lockAndLoad(connection, statements, batch)
  const rows: NewSessionEnd[] = []
  while (!batch.isDecided) rows.push(...(await writeChanges(connection, statements, batch)))
  // What this looks for is over at the next attempt. If it is not, the reports must be stored nevertheless.
  if (attempt < maxAttempts)
    await assertUnsplitSessions(connection, statements, rows, (link) => batch.hasLink(link))
  await execute(connection.connection, 'commit')
  return batch.outcomes
}

async function lockAndLoad(
  connection: MysqlConnection,
  statements: MysqlStatements,
  batch: SessionBatch,
): Promise<void> {
  batch.loadLive(await lockLive(connection, statements, batch.ids))
  const linked = batch.addLinks(await selectLinks(connection, statements, batch.unlinkedMarkers))
  batch.loadLive(await lockLive(connection, statements, linked))
  const historyIds = batch.listHistoryIds()
  if (historyIds.withRows.length > 0)
    batch.loadHistory(await readHistories(connection, statements, historyIds))
}

/** @returns the rows that were inserted. */
async function writeChanges(
  connection: MysqlConnection,
  statements: MysqlStatements,
  batch: SessionBatch,
): Promise<readonly NewSessionEnd[]> {
  const changes = batch.decide()
  batch.assignIds(await insertSessionEnds(connection, statements, changes.rows))
  for (const { parts, statement } of listWrites(changes, statements, connection.maxPacketBytes))
    for (const rows of parts) await execute(connection.connection, statement(rows.length), rows.flat())
  return changes.rows
}

// Sending numbers as text takes half the time of the driver's integers, and is just as exact.
const sendAsText = (values: readonly unknown[]) =>
  values.map((value) => (typeof value === 'number' ? String(value) : value))

interface Write {
  readonly parts: readonly (readonly (readonly unknown[])[])[]
  readonly statement: (rows: number) => string
}

/** Lists the statements for everything but the rows of the audit table. */
function listWrites(
  { returns, removed, registered, moved, logouts }: BatchChanges,
  statements: MysqlStatements,
  maxPacketBytes: number,
): Write[] {
  const returnValues = returns.map(({ auditId, site, returnedAt, receivedAt }) =>
    sendAsText([auditId, site, toDatetime(returnedAt), toDatetime(receivedAt)]),
  )
  const toValues = (live: Parameters<typeof toLiveValues>[0]) => sendAsText(toLiveValues(live, toDatetime))
  const logoutValues = logouts.map((logout) => sendAsText(toLogoutValues(logout, toDatetime)))
  return [
    { parts: splitRows(returnValues, maxPacketBytes), statement: statements.insertReturns },
    { parts: splitAndPadRows(removed.map(toKeyValues), maxPacketBytes), statement: statements.deleteLive },
    { parts: splitRows(registered.map(toValues), maxPacketBytes), statement: statements.insertLive },
    { parts: splitAndPadRows(moved.map(toValues), maxPacketBytes), statement: statements.updateLive },
    { parts: splitAndPadRows(logoutValues, maxPacketBytes), statement: statements.putLogouts },
  ]
}
