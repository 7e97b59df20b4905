import type { Knex } from 'knex'
import { withLease } from '../lease.ts'
import { qualify, schemaBuilder, splitTableName, type TableName } from '../tableName.ts'
import * as sessionAudit from './0001_session_audit.ts'
import * as tokens from './0002_tokens.ts'
import * as readIndexes from './0003_read_indexes.ts'
import * as rollup from './0004_rollup.ts'
import * as rollupBySite from './0005_rollup_by_site.ts'
import * as filterIndexes from './0006_filter_indexes.ts'
import * as dashboardSessions from './0007_dashboard_sessions.ts'
import * as receivedIndex from './0008_received_index.ts'

const leaseWaitMs = 60_000

type Migration = (database: Knex, tableName: TableName) => Promise<void>
type NamedMigration = [name: string, migration: Migration]

/** Named here rather than found in a folder, so that the packed package runs what the source tree runs. */
const migrations: Readonly<Record<string, Migration>> = {
  '0001_session_audit': sessionAudit.up,
  '0002_tokens': tokens.up,
  '0003_read_indexes': readIndexes.up,
  '0004_rollup': rollup.up,
  '0005_rollup_by_site': rollupBySite.up,
  '0006_filter_indexes': filterIndexes.up,
  '0007_dashboard_sessions': dashboardSessions.up,
  '0008_received_index': receivedIndex.up,
}

/** Each audit table has its history beside it: a host may have knex migrations of its own in the same database. */
const historyOf = (table: string) => `${table}_migrations`

/**
 * Brings the audit table to what this version needs. Any number of processes may run it at once.
 *
 * @returns the names of the migrations that it ran; empty when there was nothing to do.
 */
export async function migrate(database: Knex, name: string): Promise<string[]> {
  const tableName = splitTableName(name)
  return withLease(database, `migrate ${name}`, leaseWaitMs, async () => {
    const migrationSource: Knex.MigrationSource<NamedMigration> = {
      getMigrations: async () => Object.entries(migrations),
      getMigrationName: ([migration]) => migration,
      getMigration: async ([, up]) => ({
        up: (connection) => up(connection, tableName),
        down: () => Promise.reject(new Error('No migration takes an audit table away.')),
      }),
    }
    const config: Knex.MigratorConfig = {
      tableName: historyOf(tableName.table),
      ...(tableName.schema && { schemaName: tableName.schema }),
      disableTransactions: true,
      migrationSource,
    }
    // knex keeps its own lock when its process is killed; under the lease nobody else can be at work.
    await database.migrate.forceFreeMigrationsLock(config)
    const [, names] = await database.migrate.latest(config)
    return names
  })
}

/** Whether every migration of this version has run. It only reads. */
export async function isMigrated(database: Knex, name: string): Promise<boolean> {
  const tableName = splitTableName(name)
  const history = historyOf(tableName.table)
  if (!(await schemaBuilder(database, tableName).hasTable(history))) return false
  const ran: string[] = await database(qualify(tableName, history)).pluck('name')
  return Object.keys(migrations).every((migration) => ran.includes(migration))
}
