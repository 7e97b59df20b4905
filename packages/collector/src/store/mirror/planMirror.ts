import type { Knex } from 'knex'
import { describeTable, type TableDescription } from '../database/describeTable.ts'
import { getQuotes } from '../database/quotes.ts'
import { splitTableName } from '../database/tableName.ts'
import { MirrorError } from './mirrorError.ts'
import { findMirrorFaults, findMirrorWarnings } from './mirrorFaults.ts'
import { buildInsert, buildTriggerStatement, getTriggerName, type Mirror } from './mirrorTrigger.ts'

/** A mirror that was checked against both tables. */
export interface MirrorPlan {
  readonly audit: TableDescription
  readonly target: TableDescription
  /** The name of the trigger. */
  readonly trigger: string
  /** The statement that creates the trigger. */
  readonly statement: string
  /** Why the target table may later refuse a row, and with it the row of the audit table. */
  readonly warnings: readonly string[]
}

/** @throws {MirrorError} with a list of everything that prevents the mirror from being created. */
export async function planMirror(knex: Knex, auditTableName: string, mirror: Mirror): Promise<MirrorPlan> {
  const audit = await describeAuditTable(knex, auditTableName)
  const target = await describeTargetTable(knex, mirror.table)
  const faults = findMirrorFaults(audit, target, mirror)
  if (faults.length > 0)
    throw new MirrorError(
      `The mirror into ${mirror.table} cannot be created:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  const quotes = getQuotes(knex)
  // If the account is not allowed to insert into the target, EXPLAIN fails now. Otherwise every row would fail later.
  const nulls = mirror.columns.map(() => 'null').join(', ')
  await knex.raw(`explain ${buildInsert(target, mirror, quotes)} values (${nulls})`)
  return {
    audit,
    target,
    trigger: getTriggerName(audit, target),
    statement: buildTriggerStatement(audit, target, mirror, quotes),
    warnings: findMirrorWarnings(audit, target, mirror),
  }
}

export async function describeAuditTable(knex: Knex, name: string): Promise<TableDescription> {
  const audit = await describeTable(knex, splitTableName(name))
  if (!audit) throw new MirrorError(`The table ${name} does not exist. Run: lapse migrate`)
  return audit
}

async function describeTargetTable(knex: Knex, name: string): Promise<TableDescription> {
  const target = await describeTable(knex, splitTableName(name))
  if (target) return target
  const where = getQuotes(knex).isSqlite ? 'in this file' : 'that this account can see'
  throw new MirrorError(`There is no table ${name} ${where}. Create it first, or correct --table.`)
}
