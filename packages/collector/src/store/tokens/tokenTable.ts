import type { Knex } from 'knex'
import type { Token } from '../../auth/token.ts'
import type { TokenRepository } from '../../auth/tokenRepository.ts'
import { readTime, storedTime } from '../database/storedTime.ts'
import { inSchema, splitTableName, tokensOf } from '../database/tableName.ts'

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

export function tokenTable(database: Knex, tableName: string): TokenRepository {
  const split = splitTableName(tableName)
  const name = inSchema(split, tokensOf(split.table))
  const timeOrNull = (time: Date | null) => time && storedTime(database, time)

  return {
    async add({ createdAt, expiresAt, revokedAt, ...token }) {
      await database(name).insert({
        ...token,
        created_at: storedTime(database, createdAt),
        expires_at: timeOrNull(expiresAt),
        revoked_at: timeOrNull(revokedAt),
      })
    },
    async find(id) {
      const record: Token | undefined = await database(name).select(columns).where({ id }).first()
      return record && tokenOf(record)
    },
    async list() {
      const records: Token[] = await database(name).select(columns).orderBy('created_at')
      return records.map(tokenOf)
    },
    async revoke(id, at) {
      const revoked = { revoked_at: storedTime(database, at) }
      if (await database(name).where({ id, revoked_at: null }).update(revoked)) return true
      return (await database(name).where({ id }).first()) !== undefined
    },
  }
}

function tokenOf(record: Token): Token {
  const { createdAt, expiresAt, revokedAt } = record
  return {
    ...record,
    createdAt: readTime(createdAt),
    expiresAt: expiresAt && readTime(expiresAt),
    revokedAt: revokedAt && readTime(revokedAt),
  }
}
