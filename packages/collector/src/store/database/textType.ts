import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'

/**
 * The type of a text column, by its length in characters. Ids are compared byte for byte: MySQL's and MariaDB's
 * default collations take `a1F` and `A1f` for the same session, and their older `_bin` collations take `a` and `a `
 * for the same.
 */
export async function textType(database: Knex): Promise<(length: number) => string> {
  if (isSqlite(database)) return () => 'text'
  const [[{ version }]] = await database.raw('select version() as version')
  const collation = /mariadb/i.test(version) ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
  return (length) => `varchar(${length}) character set utf8mb4 collate ${collation}`
}
