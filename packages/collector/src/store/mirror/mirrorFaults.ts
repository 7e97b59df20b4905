import type { ColumnDescription, TableDescription } from '../database/describeTable.ts'
import { describeConditionFault } from './mirrorCondition.ts'
import { columnNamed, fullName, type Mirror, type MirroredColumn } from './mirrorTrigger.ts'

/** What keeps a mirror from being made: one line for each fault. */
export function faultsOf(audit: TableDescription, target: TableDescription, mirror: Mirror): string[] {
  const { columns, where } = mirror
  const missing = (table: TableDescription, name: string) =>
    columnNamed(table, name) ? [] : [`${fullName(table)} has no column "${name}". ${columnsOf(table)}`]
  const names = columns.map(({ column }) => column.toLowerCase())
  return [
    ...(fullName(audit) === fullName(target) ? ['the audit table cannot be copied into itself'] : []),
    ...(target.isTransactional
      ? []
      : [`${fullName(target)} has no transactions: its rows would outlive a refusal. Make it ENGINE=InnoDB`]),
    ...(columns.length === 0 ? [`set at least one column with --set. ${columnsOf(target)}`] : []),
    ...columns.flatMap((set) => [
      ...missing(target, set.column),
      ...('source' in set ? missing(audit, set.source) : []),
      ...(columnNamed(target, set.column)?.isGenerated
        ? [`"${set.column}" is computed by the database: leave it out`]
        : []),
    ]),
    ...names
      .filter((name, index) => names.indexOf(name) < index)
      .map((name) => `"${name}" is set more than once`),
    ...where.flatMap(({ column, value }) => {
      const fault = describeConditionFault(column, value)
      return fault === undefined ? missing(audit, column) : [`--where ${column}=${value}: ${fault}`]
    }),
    ...target.columns
      .filter((column) => needsValue(column) && !names.includes(column.name.toLowerCase()))
      .map(({ name }) => `"${name}" takes no NULL and has no default: set it`),
  ]
}

/** What may make the host's table refuse a row later on, and the event with it. */
export function warningsOf(audit: TableDescription, target: TableDescription, { columns }: Mirror): string[] {
  const ofColumns = columns.flatMap((set) => {
    const into = columnNamed(target, set.column)
    if (!into) return []
    return [
      ...emptyWarning(set, audit, into),
      ...lengthWarning(set, audit, into),
      ...kindWarning(set, audit, into),
    ]
  })
  return [...ofColumns, ...uniqueWarnings(target, columns)]
}

function emptyWarning(set: MirroredColumn, audit: TableDescription, into: ColumnDescription): string[] {
  if (!('source' in set) || into.isNullable || !columnNamed(audit, set.source)?.isNullable) return []
  return [`"${into.name}" takes no NULL, and ${set.source} can be empty`]
}

function lengthWarning(set: MirroredColumn, audit: TableDescription, into: ColumnDescription): string[] {
  const length = 'text' in set ? set.text.length : (columnNamed(audit, set.source)?.maxLength ?? 0)
  if (into.holds !== 'text' || into.maxLength === null || length <= into.maxLength) return []
  const what = 'text' in set ? `"${set.text}" has ${length}` : `${set.source} has up to ${length}`
  return [`"${into.name}" takes ${into.maxLength} characters, and ${what}`]
}

function kindWarning(set: MirroredColumn, audit: TableDescription, into: ColumnDescription): string[] {
  if (into.holds === 'any' || into.holds === 'text') return []
  const given = 'text' in set ? 'text' : columnNamed(audit, set.source)?.holds
  if (
    given === into.holds ||
    ('text' in set && into.holds === 'numbers' && Number.isFinite(Number(set.text)))
  )
    return []
  return [
    `"${into.name}" takes ${into.holds}, and ${'text' in set ? `"${set.text}"` : set.source} is ${given}`,
  ]
}

function uniqueWarnings({ uniqueKeys }: TableDescription, columns: readonly MirroredColumn[]): string[] {
  const sets = new Map(columns.map((set) => [set.column.toLowerCase(), set]))
  return uniqueKeys
    .map((key) => key.map((name) => ({ name, set: sets.get(name.toLowerCase()) })))
    .filter((key) => key.every(({ set }) => set && !('source' in set && set.source.toLowerCase() === 'id')))
    .map((key) => `no two rows may be equal in ${key.map(({ name }) => `"${name}"`).join(' and ')}`)
}

const needsValue = ({ isNullable, hasDefault, isGenerated }: ColumnDescription) =>
  !isNullable && !hasDefault && !isGenerated

const columnsOf = (table: TableDescription) => `It has: ${table.columns.map(({ name }) => name).join(', ')}`
