import type { Knex } from 'knex'
import { isSqlite } from './connect.ts'
import type { TableName } from './tableName.ts'

/** Makes those indexes of the audit table that are missing, while rows are written: columns by the index's suffix. */
export async function createIndexes(
  database: Knex,
  { schema, table }: TableName,
  indexes: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const ifMissing = isSqlite(database) ? 'if not exists ' : ''
  for (const [suffix, columns] of Object.entries(indexes)) {
    const names = [`${table}_${suffix}`, schema ? `${schema}.${table}` : table, [...columns]]
    // MySQL commits DDL at once, so a migration that was cut short may have made some already.
    await database.raw(`create index ${ifMissing}?? on ?? (??)`, names).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error
    })
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ER_DUP_KEYNAME'
}
