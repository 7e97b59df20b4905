import type { Knex } from 'knex'
import { createUniqueIndex, schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the audit table: one row for each session that ended. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { table } = tableName
  // MySQL commits DDL immediately, so an interrupted migration may have created the table.
  if (!(await schemaBuilder(database, tableName).hasTable(table))) await createTable(database, tableName)
  await createUniqueIndex(database, tableName, 'session_key', ['site', 'session_key'])
}

async function createTable(database: Knex, tableName: TableName): Promise<void> {
  const text = await textType(database)
  await schemaBuilder(database, tableName).createTable(tableName.table, (columns) => {
    columns.bigIncrements('id')
    columns.specificType('site', text(64)).notNullable()
    columns.specificType('session_key', text(255)).notNullable()
    columns.specificType('marker', text(36))
    columns.specificType('session', text(255))
    columns.specificType('subject', text(255))
    columns.specificType('reason', text(32)).notNullable()
    columns.specificType('evidence', text(16)).notNullable()
    columns.specificType('detected_by', text(16)).notNullable()
    columns.datetime('started_at', { precision: 3 })
    columns.datetime('last_access_at', { precision: 3 })
    columns.datetime('expired_at', { precision: 3 })
    columns.datetime('detected_at', { precision: 3 }).notNullable()
    columns.datetime('received_at', { precision: 3 }).notNullable()
    columns.bigInteger('elapsed_ms')
    columns.integer('idle_timeout_seconds')
    columns.integer('absolute_timeout_seconds')
    columns.bigInteger('clock_skew_ms').notNullable()
    columns.boolean('browser_restarted')
    columns.specificType('origin', text(255))
    columns.specificType('ip', text(45))
    columns.specificType('user_agent', text(512))
    columns.specificType('client_version', text(32))
  })
}
