import type { Knex } from 'knex'
import type { DashboardSession } from '../../auth/dashboardSession.ts'
import type { DashboardSessionRepository } from '../../auth/dashboardSessionRepository.ts'
import { LapseError } from '../../domain/errors.ts'
import { withinDeadline } from '../../lifecycle/withinDeadline.ts'
import { describeDatabaseError } from '../../observability/describeDatabaseError.ts'
import { readTime, storedTime } from '../database/storedTime.ts'
import { dashboardSessionsOf, inSchema, splitTableName } from '../database/tableName.ts'

const columns = {
  cookieHash: 'cookie_hash',
  alias: 'alias',
  tokenId: 'token_id',
  ticketKey: 'ticket_key',
  signedInAt: 'signed_in_at',
  lastAccessAt: 'last_access_at',
  endedAt: 'ended_at',
} as const satisfies Record<keyof DashboardSession, string>

const deadlineMs = 5_000
/** Old sessions deleted at one sign-in: more than one sign-in adds, so they don't pile up. */
const forgottenAtOnce = 100

export function dashboardSessionTable(database: Knex, tableName: string): DashboardSessionRepository {
  const split = splitTableName(tableName)
  const name = inSchema(split, dashboardSessionsOf(split.table))

  async function run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withinDeadline(deadlineMs, work)
    } catch (failure) {
      throw new LapseError('unavailable', 'The dashboard cannot use its sessions now. Try again later.', {
        cause: explain(failure, name),
        retryAfterSeconds: 5,
      })
    }
  }

  async function end(cookieHash: string, at: Date): Promise<void> {
    const ended = { ended_at: storedTime(database, at) }
    await database(name).where({ cookie_hash: cookieHash, ended_at: null }).update(ended)
  }

  async function findOne(condition: object): Promise<DashboardSession | undefined> {
    const found: DashboardSession | undefined = await database(name).select(columns).where(condition).first()
    return (
      found && {
        ...found,
        signedInAt: readTime(found.signedInAt),
        lastAccessAt: readTime(found.lastAccessAt),
        endedAt: found.endedAt && readTime(found.endedAt),
      }
    )
  }

  return {
    find: (cookieHash) => run(() => findOne({ cookie_hash: cookieHash })),
    findByAlias: (alias) => run(() => findOne({ alias })),
    end: (cookieHash, at) => run(() => end(cookieHash, at)),
    recordAccess: (cookieHash, at) =>
      run(async () => {
        const time = storedTime(database, at)
        await database(name)
          .where({ cookie_hash: cookieHash, ended_at: null })
          .where('last_access_at', '<', time)
          .update({ last_access_at: time })
      }),
    add: (session, { replaces, forgetBefore }) =>
      run(async () => {
        const { cookieHash, alias, tokenId, ticketKey, signedInAt, lastAccessAt, endedAt } = session
        // Both statements run even when they change nothing: an account that may not end and delete sessions must not
        // open one.
        await end(replaces ?? cookieHash, signedInAt)
        const forgotten = await database(name)
          .where('last_access_at', '<', storedTime(database, forgetBefore))
          .limit(forgottenAtOnce)
          .pluck('cookie_hash')
        await database(name)
          .whereIn('cookie_hash', [cookieHash, ...forgotten])
          .delete()
        await database(name).insert({
          cookie_hash: cookieHash,
          alias,
          token_id: tokenId,
          ticket_key: ticketKey,
          signed_in_at: storedTime(database, signedInAt),
          last_access_at: storedTime(database, lastAccessAt),
          ended_at: endedAt && storedTime(database, endedAt),
        })
      }),
  }
}

/** For the log. A driver's error carries the statement with its values, keys among them, so it is left behind. */
function explain(failure: unknown, table: string): Error {
  const code = failure instanceof Error && 'code' in failure ? `${failure.code}: ` : ''
  const why = failure instanceof Error ? describeDatabaseError(failure) : String(failure)
  return new Error(
    `The table ${table} cannot be used (${code}${why}). Check that the database runs and that "lapse migrate" has run, and grant SELECT, INSERT, UPDATE and DELETE on the table to the account of "lapse serve".`,
  )
}
