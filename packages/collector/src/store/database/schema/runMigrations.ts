import type { Knex } from 'knex'
import { describeTable } from '../describeTable.ts'
import { withLease } from '../lease.ts'
import { getMigrationTableName, getSchemaBuilder, qualify, splitTableName } from '../tableName.ts'
import { isCompatible, migrations } from './migrationList.ts'
import { SchemaTooNewError } from './schemaErrors.ts'

const leaseWaitMs = 60_000
const firstMigration = '0001_session_audit'

/**
 * Runs the migrations that have not run yet, one process at a time.
 *
 * A migration is recorded after it has run. MySQL cannot roll back DDL, so an interrupted migration runs again from its
 * start, and every migration tolerates that.
 *
 * @returns the names of the migrations that ran.
 * @throws {SchemaTooNewError} when a newer version of Lapse has migrated the table.
 */
export function runMigrations(database: Knex, tableName: string): Promise<string[]> {
  return withLease(database, `migrate ${tableName}`, { waitMs: leaseWaitMs }, async () => {
    const { missing, incompatible } = await readSchemaState(database, tableName)
    if (incompatible.length > 0) throw new SchemaTooNewError(tableName, incompatible)
    if (missing.length === 0) return []
    const hasLostHistory = missing.includes(firstMigration) && (await hasRevisions(database, tableName))
    await createHistory(database, tableName)
    const history = getHistoryTableName(tableName)
    const [last] = await database(history).max({ batch: 'batch' })
    const batch = Number(last?.batch ?? 0) + 1
    for (const [name, up] of migrations) {
      if (!missing.includes(name)) continue
      if (!(name === firstMigration && hasLostHistory)) await up(database, splitTableName(tableName))
      await database(history).insert({ name, batch, migration_time: new Date() })
    }
    return missing
  })
}

/**
 * Returns whether the table allows several rows for a session. The first migration, which created the table, would then
 * create a unique key again that these rows violate.
 */
async function hasRevisions(database: Knex, tableName: string): Promise<boolean> {
  const description = await describeTable(database, splitTableName(tableName))
  return description?.columns.some(({ name }) => name === 'revision') ?? false
}

interface SchemaState {
  /** Migrations of this version that have not run. */
  readonly missing: string[]
  /** Migrations that have run and that this version can neither understand nor ignore. */
  readonly incompatible: string[]
}

/** Compares the history with the migrations of this version. It changes nothing. */
export async function readSchemaState(database: Knex, tableName: string): Promise<SchemaState> {
  const { schema, table } = splitTableName(tableName)
  const hasHistory = await getSchemaBuilder(database, { schema, table }).hasTable(
    getMigrationTableName(table),
  )
  const names: string[] = hasHistory
    ? await database(getHistoryTableName(tableName)).orderBy('id').pluck('name')
    : []
  return {
    missing: [...migrations.keys()].filter((name) => !names.includes(name)),
    incompatible: names.filter((name) => !migrations.has(name) && !isCompatible(name)),
  }
}

/**
 * Creates the history with the columns of knex's migrator, which earlier versions of Lapse used: either can continue
 * what the other has started. Each audit table has its own history, because the application may use knex's migrator for
 * its own tables in the same database.
 */
async function createHistory(database: Knex, tableName: string): Promise<void> {
  const { schema, table } = splitTableName(tableName)
  const builder = () => getSchemaBuilder(database, { schema, table })
  if (await builder().hasTable(getMigrationTableName(table))) return
  await builder().createTable(getMigrationTableName(table), (columns) => {
    columns.increments()
    columns.string('name')
    columns.integer('batch')
    columns.timestamp('migration_time')
  })
}

function getHistoryTableName(tableName: string): string {
  const auditTable = splitTableName(tableName)
  return qualify(auditTable, getMigrationTableName(auditTable.table))
}
