import type { ColumnDescription, TableDescription } from '../database/describeTable.ts'
import { describeConditionFault } from './mirrorCondition.ts'
import { findColumn, formatTableName, type Mirror, type MirroredColumn } from './mirrorTrigger.ts'

/** Lists what prevents the mirror from being created, one line for each fault. */
export function findMirrorFaults(
  audit: TableDescription,
  target: TableDescription,
  mirror: Mirror,
): string[] {
  const { columns, where } = mirror
  const findMissing = (table: TableDescription, name: string) =>
    findColumn(table, name)
      ? []
      : [`${formatTableName(table)} has no column "${name}". ${listColumns(table)}`]
  const names = columns.map(({ column }) => column.toLowerCase())
  return [
    ...(formatTableName(audit) === formatTableName(target)
      ? ['the audit table cannot be copied into itself']
      : []),
    ...(target.isTransactional
      ? []
      : [
          `${formatTableName(target)} has no transactions: a copy would stay when its row is rolled back. Change it to ENGINE=InnoDB`,
        ]),
    ...(columns.length === 0 ? [`set at least one column with --set. ${listColumns(target)}`] : []),
    ...columns.flatMap((column) => [
      ...findMissing(target, column.column),
      ...('source' in column ? findMissing(audit, column.source) : []),
      ...(findColumn(target, column.column)?.isGenerated
        ? [`"${column.column}" is computed by the database: omit it`]
        : []),
    ]),
    ...names
      .filter((name, index) => names.indexOf(name) < index)
      .map((name) => `"${name}" is set more than once`),
    ...where.flatMap(({ column, value }) => {
      const fault = describeConditionFault(column, value)
      return fault === undefined ? findMissing(audit, column) : [`--where ${column}=${value}: ${fault}`]
    }),
    ...target.columns
      .filter((column) => requiresValue(column) && !names.includes(column.name.toLowerCase()))
      .map(({ name }) => `"${name}" is NOT NULL and has no default: set it`),
  ]
}

/** Lists why the target table may refuse a row later, and with it the row of the audit table. */
export function findMirrorWarnings(
  audit: TableDescription,
  target: TableDescription,
  { columns }: Mirror,
): string[] {
  const columnWarnings = columns.flatMap((column) => {
    const targetColumn = findColumn(target, column.column)
    if (!targetColumn) return []
    return [
      ...warnOfNull(column, audit, targetColumn),
      ...warnOfLength(column, audit, targetColumn),
      ...warnOfType(column, audit, targetColumn),
    ]
  })
  return [...columnWarnings, ...warnOfUniqueKeys(target, columns)]
}

function warnOfNull(column: MirroredColumn, audit: TableDescription, target: ColumnDescription): string[] {
  if (!('source' in column) || target.isNullable || !findColumn(audit, column.source)?.isNullable) return []
  return [`"${target.name}" is NOT NULL, and ${column.source} can be null`]
}

function warnOfLength(column: MirroredColumn, audit: TableDescription, target: ColumnDescription): string[] {
  const length = 'text' in column ? column.text.length : (findColumn(audit, column.source)?.maxLength ?? 0)
  if (target.holds !== 'text' || target.maxLength === null || length <= target.maxLength) return []
  const source = 'text' in column ? `"${column.text}" has ${length}` : `${column.source} has up to ${length}`
  return [`"${target.name}" holds ${target.maxLength} characters, and ${source}`]
}

function warnOfType(column: MirroredColumn, audit: TableDescription, target: ColumnDescription): string[] {
  if (target.holds === 'any' || target.holds === 'text') return []
  const sourceHolds = 'text' in column ? 'text' : findColumn(audit, column.source)?.holds
  const isNumeric = 'text' in column && Number.isFinite(Number(column.text))
  if (sourceHolds === target.holds || (isNumeric && target.holds === 'numbers')) return []
  const source = 'text' in column ? `"${column.text}"` : column.source
  return [`"${target.name}" holds ${target.holds}, and ${source} is ${sourceHolds}`]
}

function warnOfUniqueKeys({ uniqueKeys }: TableDescription, columns: readonly MirroredColumn[]): string[] {
  const byName = new Map(columns.map((column) => [column.column.toLowerCase(), column]))
  const isUniqueSource = (column: MirroredColumn) =>
    'source' in column && column.source.toLowerCase() === 'id'
  return uniqueKeys
    .map((key) => key.map((name) => ({ name, column: byName.get(name.toLowerCase()) })))
    .filter((key) => key.every(({ column }) => column && !isUniqueSource(column)))
    .map((key) => `no two rows may have the same ${key.map(({ name }) => `"${name}"`).join(' and ')}`)
}

const requiresValue = ({ isNullable, hasDefault, isGenerated }: ColumnDescription) =>
  !isNullable && !hasDefault && !isGenerated

const listColumns = (table: TableDescription) =>
  `Its columns: ${table.columns.map(({ name }) => name).join(', ')}`
