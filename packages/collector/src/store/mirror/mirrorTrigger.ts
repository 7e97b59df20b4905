import { createHash } from 'node:crypto'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'
import type { ColumnDescription, TableDescription } from '../database/describeTable.ts'
import type { Quotes } from '../database/quotes.ts'
import type { TableName } from '../database/tableName.ts'
import { toComparedValue } from './mirrorCondition.ts'

/** Which rows of the audit table are copied into a table of the application, and which values of them. */
export interface Mirror {
  /** The target table, `SCHEMA.NAME` or `NAME`. */
  readonly table: string
  readonly columns: readonly MirroredColumn[]
  /**
   * Rows must have all of these values to be copied. A row that corrects another one is copied if its reason is different
   * and one of the two has these values.
   */
  readonly where: readonly { readonly column: string; readonly value: string }[]
}

/** A column of the target table, and its value: a column of the audit table, or a text. */
export type MirroredColumn =
  | { readonly column: string; readonly source: string }
  | { readonly column: string; readonly text: string }

/**
 * The trigger is named after the target table. MySQL limits names to 64 characters, so a long one is cut; the hash
 * keeps names unique, even those of `a_b.c` and `a.b_c`.
 */
export function getTriggerName(audit: TableName, target: TableName): string {
  const hash = createHash('sha256').update([audit, target].map(formatTableName).join('\n')).digest('hex')
  return `lapse_${formatTableName(target).replaceAll(/\W/g, '_').slice(0, 48)}_${hash.slice(0, 8)}`
}

export function formatTableName({ schema, table }: TableName): string {
  return schema === undefined ? table : `${schema}.${table}`
}

/**
 * Builds the statement that creates the trigger. For MySQL it contains no semicolon, because clients would split it
 * there.
 */
export function buildTriggerStatement(
  audit: TableDescription,
  target: TableDescription,
  mirror: Mirror,
  quotes: Quotes,
): string {
  const name = quotes.table({ ...audit, table: getTriggerName(audit, target) })
  const values = mirror.columns.map((column) => buildValue(column, audit, target, quotes)).join(', ')
  const conditions = [
    `not (${buildSelftestCondition(quotes)})`,
    buildCorrectionCondition(audit, mirror, quotes),
  ]
  const head = `create trigger ${name} after insert on ${quotes.table(audit)}`
  const insert = buildInsert(target, mirror, quotes)
  return quotes.isSqlite
    ? `${head}\nwhen ${conditions.join(' and ')}\nbegin\n  ${insert}\n  values (${values});\nend`
    : `${head} for each row\n${insert}\nselect ${values}\nfrom dual\nwhere ${conditions.join(' and ')}`
}

export function buildInsert(target: TableDescription, { columns }: Mirror, quotes: Quotes): string {
  return `insert into ${quotes.table(target)} (${columns.map(({ column }) => quotes.name(column)).join(', ')})`
}

/**
 * A correction informs the target table only if the reason is different, and if that table has been told of the corrected
 * row or the correction matches. If the corrected row was deleted, the correction counts like a first row.
 */
function buildCorrectionCondition(audit: TableDescription, { where }: Mirror, quotes: Quotes): string {
  const matches = (row: string) =>
    where
      .map(
        ({ column, value }) =>
          `${row}.${quotes.name(column)} = ${buildLiteral(toComparedValue(column, value), quotes)}`,
      )
      .join(' and ') || '1 = 1'
  const corrected = `select case when corrected.reason = new.reason then 0 when (${matches('corrected')}) or (${matches('new')}) then 1 else 0 end
from ${quotes.table(audit)} as corrected where corrected.id = new.supersedes`
  return `coalesce((${corrected}), ${matches('new')})`
}

/** The same condition as `isSelftest`, for the inserted row. It is never null. */
function buildSelftestCondition(quotes: Quotes): string {
  const value = (column: string) => `new.${quotes.name(column)}`
  return [
    quotes.equals(value('client_version'), selftestClient),
    quotes.equals(value('subject'), selftestSubject),
    quotes.equals(`substr(${value('session')}, 1, ${selftestSessionPrefix.length})`, selftestSessionPrefix),
    `not (${quotes.equals(value('evidence'), 'server')})`,
    `(${selftestDetectedBy.map((way) => quotes.equals(value('detected_by'), way)).join(' or ')})`,
    `${value('supersedes')} is null`,
  ].join(' and ')
}

function buildLiteral(value: string | bigint, quotes: Quotes): string {
  return typeof value === 'bigint' ? `${value}` : quotes.text(value)
}

function buildValue(
  column: MirroredColumn,
  audit: TableDescription,
  target: TableDescription,
  quotes: Quotes,
): string {
  if ('text' in column) return quotes.text(column.text)
  const value = `new.${quotes.name(column.source)}`
  const sourceType = findColumn(audit, column.source)?.type
  const targetType = findColumn(target, column.column)?.type
  // MySQL interprets a value for a TIMESTAMP in the connection's time zone, but the times of the audit table are UTC.
  return !quotes.isSqlite && sourceType === 'datetime' && targetType === 'timestamp'
    ? `convert_tz(${value}, '+00:00', @@session.time_zone)`
    : value
}

export function findColumn({ columns }: TableDescription, name: string): ColumnDescription | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase())
}
