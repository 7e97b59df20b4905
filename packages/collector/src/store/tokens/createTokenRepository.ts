import type { Token } from '../../auth/token.ts'
import type { TokenRepository } from '../../auth/tokenRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readTime, toStoredTime } from '../database/storedTime.ts'
import { getTokenTableName, qualify, splitTableName } from '../database/tableName.ts'

const columns = {
  id: 'id',
  name: 'name',
  scope: 'scope',
  site: 'site',
  hash: 'hash',
  createdAt: 'created_at',
  expiresAt: 'expires_at',
  revokedAt: 'revoked_at',
} as const satisfies Record<keyof Token, string>

export function createTokenRepository(auditDatabase: AuditDatabase): TokenRepository {
  const { knex } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'tokens' })
  const auditTable = splitTableName(auditDatabase.tableName)
  const table = qualify(auditTable, getTokenTableName(auditTable.table))
  const pendingLookups = new Map<string, Promise<Token | undefined>>()

  const toStoredTimeOrNull = (time: Date | null) => time && toStoredTime(knex, time)

  /** Requests that send the same token at the same time share one query. */
  function find(id: string): Promise<Token | undefined> {
    const pending = pendingLookups.get(id) ?? query(id).finally(() => pendingLookups.delete(id))
    pendingLookups.set(id, pending)
    return pending
  }

  async function query(id: string): Promise<Token | undefined> {
    const row: Token | undefined = await knex(table).select(columns).where({ id }).first()
    return row && parseToken(row)
  }

  return {
    add: ({ createdAt, expiresAt, revokedAt, ...token }) =>
      run(lookupDeadlineMs, async () => {
        await knex(table).insert({
          ...token,
          created_at: toStoredTime(knex, createdAt),
          expires_at: toStoredTimeOrNull(expiresAt),
          revoked_at: toStoredTimeOrNull(revokedAt),
        })
      }),
    find: (id) => run(lookupDeadlineMs, () => find(id)),
    list: () =>
      run(lookupDeadlineMs, async () => {
        const rows: Token[] = await knex(table).select(columns).orderBy('created_at')
        return rows.map(parseToken)
      }),
    revoke: (id, at) =>
      run(lookupDeadlineMs, async () => {
        const revokedRows = await knex(table)
          .where({ id, revoked_at: null })
          .update({ revoked_at: toStoredTime(knex, at) })
        return revokedRows > 0 || (await knex(table).where({ id }).first()) !== undefined
      }),
  }
}

function parseToken(row: Token): Token {
  const { createdAt, expiresAt, revokedAt } = row
  return {
    ...row,
    createdAt: readTime(createdAt),
    expiresAt: expiresAt && readTime(expiresAt),
    revokedAt: revokedAt && readTime(revokedAt),
  }
}
