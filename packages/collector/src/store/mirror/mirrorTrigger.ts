import { createHash } from 'node:crypto'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'
import type { ColumnDescription, TableDescription } from '../database/describeTable.ts'
import type { TableName } from '../database/tableName.ts'
import { toComparedValue } from './mirrorCondition.ts'

/** Which rows of the audit table are copied into a table of the host's, and what of them. */
export interface Mirror {
  /** `SCHEMA.NAME` or `NAME`. */
  readonly table: string
  readonly columns: readonly MirroredColumn[]
  /** Only rows that have all these values in these columns. */
  readonly where: readonly { readonly column: string; readonly value: string }[]
}

/** A column of the host's table, with the column of the audit table or the text that goes into it. */
export type MirroredColumn =
  | { readonly column: string; readonly source: string }
  | { readonly column: string; readonly text: string }

/** Named for the host's table. The hash keeps `a_b.c` from `a.b_c`; MySQL takes names of 64 characters. */
export function triggerName(audit: TableName, target: TableName): string {
  const hash = createHash('sha256').update([audit, target].map(fullName).join('\n')).digest('hex')
  return `lapse_${fullName(target).replaceAll(/\W/g, '_').slice(0, 48)}_${hash.slice(0, 8)}`
}

export function fullName({ schema, table }: TableName): string {
  return schema === undefined ? table : `${schema}.${table}`
}

/** The statement that makes the trigger. It has no semicolon within on MySQL: clients would cut it there. */
export function mirrorStatement(
  audit: TableDescription,
  target: TableDescription,
  mirror: Mirror,
  quotes: Quotes,
): string {
  const name = quotes.table({ ...audit, table: triggerName(audit, target) })
  const values = mirror.columns.map((set) => written(set, audit, target, quotes)).join(', ')
  const matches = mirror.where.map(
    ({ column, value }) => `new.${quotes.name(column)} = ${literal(toComparedValue(column, value), quotes)}`,
  )
  const conditions = [`not (${selftestCondition(quotes)})`, ...matches]
  const head = `create trigger ${name} after insert on ${quotes.table(audit)}`
  const insert = insertInto(target, mirror, quotes)
  return quotes.isSqlite
    ? `${head}\nwhen ${conditions.join(' and ')}\nbegin\n  ${insert}\n  values (${values});\nend`
    : `${head} for each row\n${insert}\nselect ${values}\nfrom dual\nwhere ${conditions.join(' and ')}`
}

/** The same as `isSelftest`, of the new row. It is never null. */
function selftestCondition(quotes: Quotes): string {
  const value = (column: string) => `new.${quotes.name(column)}`
  return [
    quotes.is(value('client_version'), selftestClient),
    quotes.is(value('subject'), selftestSubject),
    quotes.is(`substr(${value('session')}, 1, ${selftestSessionPrefix.length})`, selftestSessionPrefix),
    `not (${quotes.is(value('evidence'), 'server')})`,
    quotes.is(value('detected_by'), selftestDetectedBy),
  ].join(' and ')
}

const literal = (value: string | bigint, quotes: Quotes) =>
  typeof value === 'bigint' ? `${value}` : quotes.text(value)

export function insertInto(target: TableDescription, { columns }: Mirror, quotes: Quotes): string {
  return `insert into ${quotes.table(target)} (${columns.map(({ column }) => quotes.name(column)).join(', ')})`
}

export function columnNamed({ columns }: TableDescription, name: string): ColumnDescription | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
}

function written(
  set: MirroredColumn,
  audit: TableDescription,
  target: TableDescription,
  quotes: Quotes,
): string {
  if ('text' in set) return quotes.text(set.text)
  const value = `new.${quotes.name(set.source)}`
  const types = [columnNamed(audit, set.source)?.type, columnNamed(target, set.column)?.type]
  // MySQL takes what goes into a TIMESTAMP for a time in the zone of the connection; the audit's times are UTC.
  return !quotes.isSqlite && types.join(' to ') === 'datetime to timestamp'
    ? `convert_tz(${value}, '+00:00', @@session.time_zone)`
    : value
}

/** How a database writes names and texts. */
export interface Quotes {
  readonly isSqlite: boolean
  name(name: string): string
  table(table: TableName): string
  text(text: string): string
  /** Whether they are equal, also where the value is null. */
  is(value: string, text: string): string
}

export const sqliteQuotes: Quotes = {
  isSqlite: true,
  name: (name) => `"${name.replaceAll('"', '""')}"`,
  table: ({ table }) => sqliteQuotes.name(table),
  text: (text) => `'${text.replaceAll("'", "''")}'`,
  is: (value, text) => `${value} is ${sqliteQuotes.text(text)}`,
}

export const mysqlQuotes: Quotes = {
  isSqlite: false,
  name: (name) => `\`${name.replaceAll('`', '``')}\``,
  table: ({ schema = '', table }) => `${mysqlQuotes.name(schema)}.${mysqlQuotes.name(table)}`,
  // What a backslash means depends on `sql_mode`, and what a byte means on the character set of whoever runs the
  // statement. Text with other characters than these is written by its bytes.
  text: (text) =>
    /^[\w .,:;/@+-]*$/.test(text) ? `'${text}'` : `_utf8mb4 x'${Buffer.from(text).toString('hex')}'`,
  is: (value, text) => `${value} <=> ${mysqlQuotes.text(text)}`,
}
