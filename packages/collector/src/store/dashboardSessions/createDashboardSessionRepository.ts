import type { Knex } from 'knex'
import type { DashboardSession } from '../../auth/dashboardSession.ts'
import type { AddSessionOptions, DashboardSessionRepository } from '../../auth/dashboardSessionRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readTime, toStoredTime } from '../database/storedTime.ts'
import { getDashboardSessionTableName, qualify, splitTableName } from '../database/tableName.ts'

const columns = {
  cookieHash: 'cookie_hash',
  alias: 'alias',
  tokenId: 'token_id',
  ticketKey: 'ticket_key',
  signedInAt: 'signed_in_at',
  lastAccessAt: 'last_access_at',
  endedAt: 'ended_at',
} as const satisfies Record<keyof DashboardSession, string>

/** How many old sessions one sign-in deletes. One sign-in adds one session, so old sessions cannot pile up. */
const maxDeletedPerSignIn = 100

export function createDashboardSessionRepository(auditDatabase: AuditDatabase): DashboardSessionRepository {
  const { knex } = auditDatabase
  const auditTable = splitTableName(auditDatabase.tableName)
  const table = qualify(auditTable, getDashboardSessionTableName(auditTable.table))
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'dashboardSessions',
    privilegeHint: `Grant SELECT, INSERT, UPDATE and DELETE on the table ${table} to the account of "lapse serve".`,
  })

  async function end(cookieHash: string, at: Date): Promise<void> {
    await knex(table)
      .where({ cookie_hash: cookieHash, ended_at: null })
      .update({ ended_at: toStoredTime(knex, at) })
  }

  async function findOne(condition: object): Promise<DashboardSession | undefined> {
    const row: DashboardSession | undefined = await knex(table).select(columns).where(condition).first()
    return row && parseSession(row)
  }

  async function add(
    session: DashboardSession,
    { replaces, forgetBefore }: AddSessionOptions,
  ): Promise<void> {
    const { cookieHash, signedInAt } = session
    // Both statements run even when they match no row: an account that lacks the privilege to end and delete sessions
    // must not open one.
    await end(replaces ?? cookieHash, signedInAt)
    const forgotten = await knex(table)
      .where('last_access_at', '<', toStoredTime(knex, forgetBefore))
      .limit(maxDeletedPerSignIn)
      .pluck('cookie_hash')
    await knex(table)
      .whereIn('cookie_hash', [cookieHash, ...forgotten])
      .delete()
    await knex(table).insert(toColumnValues(knex, session))
  }

  return {
    find: (cookieHash) => run(lookupDeadlineMs, () => findOne({ cookie_hash: cookieHash })),
    findByAlias: (alias) => run(lookupDeadlineMs, () => findOne({ alias })),
    end: (cookieHash, at) => run(lookupDeadlineMs, () => end(cookieHash, at)),
    recordAccess: (cookieHash, at) =>
      run(lookupDeadlineMs, async () => {
        const time = toStoredTime(knex, at)
        await knex(table)
          .where({ cookie_hash: cookieHash, ended_at: null })
          .where('last_access_at', '<', time)
          .update({ last_access_at: time })
      }),
    add: (session, options) => run(lookupDeadlineMs, () => add(session, options)),
  }
}

function parseSession(row: DashboardSession): DashboardSession {
  const { signedInAt, lastAccessAt, endedAt } = row
  return {
    ...row,
    signedInAt: readTime(signedInAt),
    lastAccessAt: readTime(lastAccessAt),
    endedAt: endedAt && readTime(endedAt),
  }
}

function toColumnValues(knex: Knex, session: DashboardSession) {
  const { cookieHash, alias, tokenId, ticketKey, signedInAt, lastAccessAt, endedAt } = session
  return {
    cookie_hash: cookieHash,
    alias,
    token_id: tokenId,
    ticket_key: ticketKey,
    signed_in_at: toStoredTime(knex, signedInAt),
    last_access_at: toStoredTime(knex, lastAccessAt),
    ended_at: endedAt && toStoredTime(knex, endedAt),
  }
}
