import type { Knex } from 'knex'
import { isSqlite } from '../connect.ts'
import { schemaBuilder, type TableName } from '../tableName.ts'

/** The audit table: one row for each ended session. */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const { table } = tableName
  // MySQL commits DDL at once, so a migration that was cut short may have made the table already.
  if (await schemaBuilder(database, tableName).hasTable(table)) return
  const text = await textType(database)

  await schemaBuilder(database, tableName).createTable(table, (columns) => {
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
    columns.unique(['site', 'session_key'], { indexName: `${table}_session_key` })
  })
}

/**
 * Ids are compared byte for byte. MySQL's and MariaDB's default collations take `a1F` and `A1f` for the same session,
 * and their older `_bin` collations take `a` and `a ` for the same.
 */
async function textType(database: Knex): Promise<(length: number) => string> {
  if (isSqlite(database)) return () => 'text'
  const [[{ version }]] = await database.raw('select version() as version')
  const collation = /mariadb/i.test(version) ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
  return (length) => `varchar(${length}) character set utf8mb4 collate ${collation}`
}
