import type { Knex } from 'knex'
import { qualify, schemaBuilder, type TableName } from './helpers.ts'

/**
 * Creates the feed, which gives each row of the audit table a position, and its progress. `lapse serve` adds the rows,
 * starting with those that exist.
 */
export async function up(database: Knex, tableName: TableName): Promise<void> {
  const feed = `${tableName.table}_feed`
  const progress = `${tableName.table}_feed_progress`
  // In SQLite, the key of this type is the row's own number and needs no index.
  const positionType = database.client.driverName === 'better-sqlite3' ? 'integer' : 'bigint'

  // MySQL commits DDL immediately, so an interrupted migration may have created a table. Keys are part of the types:
  // separate statements could be skipped by an interruption, and knex's names of keys can be too long for MySQL.
  if (!(await schemaBuilder(database, tableName).hasTable(feed))) {
    await schemaBuilder(database, tableName).createTable(feed, (columns) => {
      columns.specificType('position', `${positionType} primary key`)
      columns.specificType('audit_id', 'bigint unsigned unique').notNullable()
    })
  }
  if (!(await schemaBuilder(database, tableName).hasTable(progress))) {
    await schemaBuilder(database, tableName).createTable(progress, (columns) => {
      columns.specificType('id', 'integer primary key')
      columns.bigInteger('position').notNullable()
      columns.bigInteger('up_to_id').notNullable()
      columns.bigInteger('existing_up_to_id').notNullable()
    })
  }
  const name = qualify(tableName, progress)
  if (await database(name).first()) return
  const last = await database(qualify(tableName, tableName.table)).max({ id: 'id' }).first()
  await database(name).insert({
    id: 1,
    position: 0,
    up_to_id: 0,
    existing_up_to_id: Number(last?.id ?? 0),
  })
}
