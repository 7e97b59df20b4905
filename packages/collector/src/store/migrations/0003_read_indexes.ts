import type { Knex } from 'knex'
import { isSqlite } from '../connect.ts'
import type { TableName } from '../tableName.ts'

/** What the lists are read by; each index is in the order of the lists behind its first column, and ends with the id. */
const indexes = {
  by_time: ['detected_at'],
  by_site: ['site', 'detected_at'],
  by_subject: ['subject', 'detected_at'],
  by_session: ['session', 'detected_at'],
  by_reason: ['reason', 'detected_at'],
}

/** The indexes of the readers. They are made while rows are written. */
export async function up(database: Knex, { schema, table }: TableName): Promise<void> {
  const ifMissing = isSqlite(database) ? 'if not exists ' : ''
  for (const [suffix, columns] of Object.entries(indexes)) {
    const names = [`${table}_${suffix}`, schema ? `${schema}.${table}` : table, columns]
    // MySQL commits DDL at once, so a migration that was cut short may have made some already.
    await database.raw(`create index ${ifMissing}?? on ?? (??)`, names).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error
    })
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ER_DUP_KEYNAME'
}
