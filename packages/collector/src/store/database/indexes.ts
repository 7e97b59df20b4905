import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'
import { qualify, type TableName } from './tableName.ts'

/** Makes those indexes of the audit table that are missing, while rows are written: columns by the index's suffix. */
export async function createIndexes(
  database: Knex,
  tableName: TableName,
  indexes: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const ifMissing = isSqlite(database) ? 'if not exists ' : ''
  for (const [suffix, columns] of Object.entries(indexes)) {
    const names = [indexOf(tableName, suffix), qualify(tableName, tableName.table), [...columns]]
    // MySQL commits DDL at once, so a migration that was cut short may have made some already.
    await database.raw(`create index ${ifMissing}?? on ?? (??)`, names).catch(unless('ER_DUP_KEYNAME'))
  }
}

/** Takes an index of the audit table away, if it is there. */
export async function dropIndex(database: Knex, tableName: TableName, suffix: string): Promise<void> {
  const index = indexOf(tableName, suffix)
  if (isSqlite(database)) await database.raw('drop index if exists ??', [index])
  else
    await database
      .raw('drop index ?? on ??', [index, qualify(tableName, tableName.table)])
      .catch(unless('ER_CANT_DROP_FIELD_OR_KEY'))
}

const indexOf = ({ table }: TableName, suffix: string) => `${table}_${suffix}`

/** MySQL knows no `if not exists` of indexes, and no `if exists`. */
function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === code)) throw error
  }
}
