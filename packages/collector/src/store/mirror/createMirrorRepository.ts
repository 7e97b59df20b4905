import type { Knex } from 'knex'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { describeTable } from '../database/describeTable.ts'
import { createOperationRunner } from '../database/operations.ts'
import { getQuotes } from '../database/quotes.ts'
import { splitTableName, type TableName } from '../database/tableName.ts'
import { createTrigger, hasTrigger } from './createTrigger.ts'
import { MirrorError } from './mirrorError.ts'
import { formatTableName, getTriggerName, type Mirror } from './mirrorTrigger.ts'
import { describeAuditTable, type MirrorPlan, planMirror } from './planMirror.ts'

/** A mirror that exists in the database. */
interface ExistingMirror {
  /** The name of the trigger. */
  readonly trigger: string
  readonly dropStatement: string
}

/**
 * Manages the triggers that copy new rows into tables of the application.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface MirrorRepository {
  /**
   * Checks a mirror against both tables. It changes nothing.
   *
   * @throws {MirrorError} with a list of everything that prevents the mirror from being created.
   */
  plan(mirror: Mirror): Promise<MirrorPlan>
  /**
   * Creates the trigger of a mirror, or replaces it without missing a row.
   *
   * @throws {MirrorError} when the server does not allow it, or when a long read of the table blocks it.
   */
  create(plan: MirrorPlan): Promise<void>
  /**
   * Finds the mirror into a table, even if that table no longer exists.
   *
   * @throws {MirrorError} when there is none.
   */
  find(table: string): Promise<ExistingMirror>
  /** Drops the trigger. */
  drop(mirror: ExistingMirror): Promise<void>
}

export function createMirrorRepository(auditDatabase: AuditDatabase): MirrorRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'schema', expectedErrors: [MirrorError] })
  return {
    plan: (mirror) => run('unlimited', () => planMirror(knex, tableName, mirror)),
    create: (plan) => run('unlimited', () => createTrigger(knex, plan)),
    find: (table) => run('unlimited', () => findMirror(knex, tableName, table)),
    drop: ({ dropStatement }) => run('unlimited', () => knex.raw(dropStatement)),
  }
}

async function findMirror(knex: Knex, auditTableName: string, targetName: string): Promise<ExistingMirror> {
  const audit = await describeAuditTable(knex, auditTableName)
  const target =
    (await describeTable(knex, splitTableName(targetName))) ?? (await resolveTableName(knex, targetName))
  const trigger = getTriggerName(audit, target)
  if (!(await hasTrigger(knex, audit, trigger)))
    throw new MirrorError(`There is no mirror of ${formatTableName(audit)} into ${formatTableName(target)}.`)
  return { trigger, dropStatement: `drop trigger ${getQuotes(knex).table({ ...audit, table: trigger })}` }
}

/** Completes the name of a table that no longer exists, so that it matches the name when its mirror was created. */
async function resolveTableName(knex: Knex, name: string): Promise<TableName> {
  const quotes = getQuotes(knex)
  const { schema, table } = splitTableName(name)
  if (quotes.isSqlite) return { schema: undefined, table }
  const [[{ current }]] = await knex.raw('select database() as current')
  return { schema: schema ?? current, table }
}
