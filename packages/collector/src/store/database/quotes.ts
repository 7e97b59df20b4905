import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'
import type { TableName } from './tableName.ts'

/** Writes names and texts into statements that cannot have parameters, such as CREATE TRIGGER. */
export interface Quotes {
  readonly isSqlite: boolean
  name(name: string): string
  table(table: TableName): string
  text(text: string): string
  /** Compares a value with a text. The result is never null, even if the value is. */
  equals(value: string, text: string): string
}

export const sqliteQuotes: Quotes = {
  isSqlite: true,
  name: (name) => `"${name.replaceAll('"', '""')}"`,
  table: ({ table }) => sqliteQuotes.name(table),
  text: (text) => `'${text.replaceAll("'", "''")}'`,
  equals: (value, text) => `${value} is ${sqliteQuotes.text(text)}`,
}

export const mysqlQuotes: Quotes = {
  isSqlite: false,
  name: (name) => `\`${name.replaceAll('`', '``')}\``,
  table: ({ schema = '', table }) => `${mysqlQuotes.name(schema)}.${mysqlQuotes.name(table)}`,
  // The meaning of a backslash depends on `sql_mode`, and the meaning of a byte on the character set of whoever runs the
  // statement. Text with any other characters than these is written as bytes.
  text: (text) =>
    /^[\w .,:;/@+-]*$/.test(text) ? `'${text}'` : `_utf8mb4 x'${Buffer.from(text).toString('hex')}'`,
  equals: (value, text) => `${value} <=> ${mysqlQuotes.text(text)}`,
}

export function getQuotes(database: Knex): Quotes {
  return isSqlite(database) ? sqliteQuotes : mysqlQuotes
}
