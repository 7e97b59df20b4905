import type { Knex } from 'knex'
import { isSqlite } from '../database/connect.ts'
import { hasErrorCode } from '../database/databaseErrors.ts'
import { describeTable, type TableDescription } from '../database/describeTable.ts'
import { splitTableName, type TableName } from '../database/tableName.ts'
import { faultsOf, warningsOf } from './mirrorFaults.ts'
import {
  fullName,
  insertInto,
  type Mirror,
  mirrorStatement,
  mysqlQuotes,
  sqliteQuotes,
  triggerName,
} from './mirrorTrigger.ts'

/** A mirror that fits both tables. */
export interface MirrorPlan {
  readonly audit: TableDescription
  readonly target: TableDescription
  /** The name of the trigger. */
  readonly trigger: string
  /** Makes the trigger. */
  readonly statement: string
  /** What may make the host's table refuse a row later on, and the event with it. */
  readonly warnings: readonly string[]
}

/** A mirror that is there. */
export interface StandingMirror {
  /** The name of the trigger. */
  readonly trigger: string
  /** Takes the trigger away. */
  readonly dropStatement: string
}

/** A mirror cannot be made or taken away; the message says why and what to do. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError'
}

const quotesOf = (database: Knex) => (isSqlite(database) ? sqliteQuotes : mysqlQuotes)

/**
 * Checks a mirror against both tables. It changes nothing.
 *
 * @throws {MirrorError} naming all that does not fit.
 */
export async function planMirror(database: Knex, auditName: string, mirror: Mirror): Promise<MirrorPlan> {
  const audit = await describeAudit(database, auditName)
  const target = await describeTarget(database, mirror.table)
  const faults = faultsOf(audit, target, mirror)
  if (faults.length > 0)
    throw new MirrorError(
      `The mirror into ${mirror.table} does not fit:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  const quotes = quotesOf(database)
  // Compiled, not run: it fails here rather than at each event if the account may not write that table.
  const places = mirror.columns.map(() => 'null').join(', ')
  await database.raw(`explain ${insertInto(target, mirror, quotes)} values (${places})`)
  return {
    audit,
    target,
    trigger: triggerName(audit, target),
    statement: mirrorStatement(audit, target, mirror, quotes),
    warnings: warningsOf(audit, target, mirror),
  }
}

/** Makes the trigger; one that is there for the same table is replaced, and no row is written in between. */
export async function createMirror(database: Knex, plan: MirrorPlan): Promise<void> {
  if (isSqlite(database)) {
    await database.transaction(async (transaction) => {
      await transaction.raw('drop trigger if exists ??', [plan.trigger])
      await transaction.raw(plan.statement)
    })
  } else {
    await createOnMysql(database, plan)
  }
}

/**
 * Finds the mirror into a table, which itself may be gone.
 *
 * @throws {MirrorError} when there is none.
 */
export async function findMirror(
  database: Knex,
  auditName: string,
  tableName: string,
): Promise<StandingMirror> {
  const audit = await describeAudit(database, auditName)
  const target =
    (await describeTable(database, splitTableName(tableName))) ?? (await named(database, tableName))
  const trigger = triggerName(audit, target)
  if (!(await hasTrigger(database, audit, trigger)))
    throw new MirrorError(`There is no mirror of ${fullName(audit)} into ${fullName(target)}.`)
  return { trigger, dropStatement: `drop trigger ${quotesOf(database).table({ ...audit, table: trigger })}` }
}

/** Takes the trigger away. */
export async function dropMirror(database: Knex, { dropStatement }: StandingMirror): Promise<void> {
  await database.raw(dropStatement)
}

async function describeAudit(database: Knex, name: string): Promise<TableDescription> {
  const audit = await describeTable(database, splitTableName(name))
  if (!audit) throw new MirrorError(`The table ${name} is missing. Run: lapse migrate`)
  return audit
}

async function describeTarget(database: Knex, name: string): Promise<TableDescription> {
  const target = await describeTable(database, splitTableName(name))
  if (target) return target
  const where = isSqlite(database) ? 'in this file' : 'or this account may not see it'
  throw new MirrorError(`There is no table ${name} ${where}. Make it first, or correct --table.`)
}

/** The name of a table that was there, as its description had it. */
async function named(database: Knex, name: string): Promise<TableName> {
  const { schema, table } = splitTableName(name)
  if (isSqlite(database)) return { schema: undefined, table }
  const [[{ current }]] = await database.raw('select database() as current')
  return { schema: schema ?? current, table }
}

async function createOnMysql(database: Knex, { audit, trigger, statement }: MirrorPlan): Promise<void> {
  const quotes = quotesOf(database)
  const isThere = await hasTrigger(database, audit, trigger)
  await database.transaction(async (connection) => {
    // While a trigger waits for a long read of the table to end, every write waits behind it.
    await connection.raw('set session lock_wait_timeout = 3')
    try {
      if (!isThere) {
        await connection.raw(statement)
      } else if (await isMariadb(connection)) {
        await connection.raw(statement.replace(/^create trigger/, 'create or replace trigger'))
      } else {
        await connection.raw(`lock tables ${quotes.table(audit)} write`).catch(explainLockRefusal)
        await connection.raw(`drop trigger ${quotes.table({ ...audit, table: trigger })}`)
        await connection.raw(statement)
      }
    } catch (cause) {
      throw explainRefusal(cause, isThere)
    } finally {
      await connection.raw('unlock tables')
    }
  })
}

async function isMariadb(database: Knex): Promise<boolean> {
  const [[{ version }]] = await database.raw('select version() as version')
  return /mariadb/i.test(version)
}

/** Percona XtraDB Cluster refuses the statement as such (`pxc_strict_mode`); elsewhere it takes a right of its own. */
function explainLockRefusal(cause: unknown): never {
  if (!hasErrorCode(cause, ['ER_UNKNOWN_ERROR', 'ER_DBACCESS_DENIED_ERROR'])) throw cause
  throw new MirrorError(
    'The mirror cannot be replaced in one step, because this server does not let this account run LOCK TABLES. ' +
      'Grant LOCK TABLES, or remove the mirror with --drop and create it again: rows written in between are not copied.',
    { cause },
  )
}

async function hasTrigger(database: Knex, audit: TableDescription, name: string): Promise<boolean> {
  const found = isSqlite(database)
    ? database('sqlite_master').where({ type: 'trigger', name })
    : database('information_schema.triggers').where({ trigger_schema: audit.schema, trigger_name: name })
  return (await found.first()) !== undefined
}

function explainRefusal(cause: unknown, wasThere: boolean): unknown {
  if (hasErrorCode(cause, ['ER_LOCK_WAIT_TIMEOUT']))
    return new MirrorError(
      'Something long reads the audit table, such as an export or a backup. Try again when it is over.',
      { cause },
    )
  if (!hasErrorCode(cause, ['ER_BINLOG_CREATE_ROUTINE_NEED_SUPER'])) return cause
  const gone = wasThere ? ' The mirror that was there before is gone.' : ''
  return new MirrorError(
    `This server writes a binary log, and then lets only an administrator make triggers.${gone} ` +
      'Let one run the statement that --print shows, or run: set global log_bin_trust_function_creators = 1',
    { cause },
  )
}
