import type { Knex } from 'knex'
import { hasErrorCode } from '../../domain/thrownError.ts'
import type { AuditDatabase } from './auditDatabase.ts'
import { lookupDeadlineMs } from './deadlines.ts'
import { describeTable } from './describeTable.ts'
import { isSqlite } from './isSqlite.ts'
import { createOperationRunner } from './operations.ts'
import { listRequiredPrivileges, type Privilege, type RequiredPrivileges } from './requiredPrivileges.ts'
import { qualify, splitTableName } from './tableName.ts'

export interface PrivilegeOptions {
  /** Whether `lapse serve` deletes old rows. */
  readonly purges: boolean
  /** Whether rows are forwarded. */
  readonly forwards: boolean
}

/** What an account cannot do with a table. */
export interface MissingPrivileges extends RequiredPrivileges {
  /** The statement with which an administrator grants the privileges. */
  readonly grant: string
}

/**
 * Finds the privileges that the account lacks, by statements that match no row.
 *
 * @throws {StorageError} when the database cannot be used.
 */
export function findMissingPrivileges(
  auditDatabase: AuditDatabase,
  options: PrivilegeOptions,
): Promise<MissingPrivileges[]> {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'schema' })
  return run(lookupDeadlineMs, async () => {
    if (isSqlite(knex)) return []
    const auditTable = splitTableName(tableName)
    const { account, database } = await readConnection(knex)
    const schema = auditTable.schema ?? database
    const missing: MissingPrivileges[] = []
    for (const required of listRequiredPrivileges(auditTable.table, options)) {
      const table = qualify({ ...auditTable, schema }, required.table)
      const lacking: Privilege[] = []
      for (const privilege of required.privileges)
        if (!(await isGranted(knex, table, privilege))) lacking.push(privilege)
      if (lacking.length > 0)
        missing.push({
          ...required,
          table,
          privileges: lacking,
          grant: `GRANT ${lacking.join(', ')} ON ${table} TO ${account}`,
        })
    }
    return missing
  })
}

async function readConnection(
  database: Knex,
): Promise<{ readonly account: string; readonly database: string }> {
  const [[connection]] = await database.raw('select current_user() as account, database() as name')
  const [, user, host] = /^(.*)@([^@]*)$/.exec(String(connection.account)) ?? []
  return { account: `'${user}'@'${host}'`, database: String(connection.name) }
}

async function isGranted(database: Knex, table: string, privilege: Privilege): Promise<boolean> {
  try {
    await tryPrivilege(database, table, privilege)
    return true
  } catch (error) {
    if (hasErrorCode(error, ['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR'])) return false
    throw error
  }
}

/** Runs a statement that needs the privilege and changes nothing. */
async function tryPrivilege(database: Knex, table: string, privilege: Privilege): Promise<void> {
  if (privilege === 'SELECT') return void (await database(table).select(database.raw('1')).whereRaw('1 = 0'))
  if (privilege === 'DELETE') return void (await database(table).whereRaw('1 = 0').delete())
  // All columns: the database refuses an INSERT without a value for a column that has no default.
  const columns = (await describeTable(database, splitTableName(table)))?.columns ?? []
  const names = columns.map(({ name }) => name)
  if (privilege === 'INSERT')
    await database.raw(`insert into ?? (${names.map(() => '??').join(', ')}) select * from ?? where 1 = 0`, [
      table,
      ...names,
      table,
    ])
  else
    await database.raw(`update ?? set ${names.map(() => '?? = ??').join(', ')} where 1 = 0`, [
      table,
      ...names.flatMap((name) => [name, name]),
    ])
}
