import type { Knex } from 'knex'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { TableDescription } from '../database/describeTable.ts'
import { getQuotes } from '../database/quotes.ts'
import { MirrorError } from './mirrorError.ts'
import type { MirrorPlan } from './planMirror.ts'

/** While a trigger waits for a long read of the table to end, every write waits behind it. */
const lockWaitSeconds = 3

/** Creates the trigger. If the mirror already has one, it is replaced, and no row is written in between. */
export async function createTrigger(knex: Knex, plan: MirrorPlan): Promise<void> {
  if (getQuotes(knex).isSqlite) {
    await knex.transaction(async (transaction) => {
      await transaction.raw('drop trigger if exists ??', [plan.trigger])
      await transaction.raw(plan.statement)
    })
  } else {
    await createOnMysql(knex, plan)
  }
}

export async function hasTrigger(knex: Knex, audit: TableDescription, name: string): Promise<boolean> {
  const query = getQuotes(knex).isSqlite
    ? knex('sqlite_master').where({ type: 'trigger', name })
    : knex('information_schema.triggers').where({ trigger_schema: audit.schema, trigger_name: name })
  return (await query.first()) !== undefined
}

async function createOnMysql(knex: Knex, { audit, trigger, statement }: MirrorPlan): Promise<void> {
  const quotes = getQuotes(knex)
  const isReplacement = await hasTrigger(knex, audit, trigger)
  await knex.transaction(async (connection) => {
    await connection.raw(`set session lock_wait_timeout = ${lockWaitSeconds}`)
    try {
      if (!isReplacement) {
        await connection.raw(statement)
      } else if (await isMariadb(connection)) {
        await connection.raw(statement.replace(/^create trigger/, 'create or replace trigger'))
      } else {
        await connection.raw(`lock tables ${quotes.table(audit)} write`).catch(throwLockFailure)
        await connection.raw(`drop trigger ${quotes.table({ ...audit, table: trigger })}`)
        await connection.raw(statement)
      }
    } catch (error) {
      // If the connection has failed, so does this statement, and the server has released the locks.
      await connection.raw('unlock tables').catch(() => {})
      throw explainFailure(error, isReplacement)
    }
    await connection.raw('unlock tables')
  })
}

async function isMariadb(knex: Knex): Promise<boolean> {
  const [[{ version }]] = await knex.raw('select version() as version')
  return /mariadb/i.test(version)
}

/** Percona XtraDB Cluster rejects LOCK TABLES (`pxc_strict_mode`). Other servers require a privilege for it. */
function throwLockFailure(cause: unknown): never {
  if (!hasErrorCode(cause, ['ER_UNKNOWN_ERROR', 'ER_DBACCESS_DENIED_ERROR'])) throw cause
  throw new MirrorError(
    'The mirror cannot be replaced in one step, because this server does not let this account run LOCK TABLES. ' +
      'Grant LOCK TABLES, or remove the mirror with --drop and create it again: rows written in between are not copied.',
    { cause },
  )
}

function explainFailure(cause: unknown, isReplacement: boolean): unknown {
  if (hasErrorCode(cause, ['ER_LOCK_WAIT_TIMEOUT']))
    return new MirrorError(
      'A long read of the audit table, such as an export or a backup, blocks the change. Try again when it has finished.',
      { cause },
    )
  if (!hasErrorCode(cause, ['ER_BINLOG_CREATE_ROUTINE_NEED_SUPER'])) return cause
  const removed = isReplacement ? ' The previous mirror was removed.' : ''
  return new MirrorError(
    `This server writes a binary log, and then only administrators may create triggers.${removed} ` +
      'Ask one to run the statement that --print shows, or to run: set global log_bin_trust_function_creators = 1',
    { cause },
  )
}
