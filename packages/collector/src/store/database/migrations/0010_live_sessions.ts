import type { Knex } from 'knex'
import { createIndexes, qualify, schemaBuilder, type TableName, textType } from './helpers.ts'

type TextType = (length: number) => string

/** Creates the tables of live sessions, of logouts without a row, of returns, and of running collectors. */
export async function up(database: Knex, { schema, table: auditTable }: TableName): Promise<void> {
  const prefix = auditTable === 'session_audit' ? 'session' : auditTable
  const text = await textType(database)

  for (const [suffix, define] of Object.entries(tables)) {
    const table = `${prefix}_${suffix}`
    const builder = () => schemaBuilder(database, { schema, table })
    // MySQL commits DDL immediately, so an interrupted migration may have created the table.
    if (!(await builder().hasTable(table)))
      await builder().createTable(table, (columns) => {
        define(columns, text)
      })
  }
  const live = { schema, table: `${prefix}_live` }
  await createIndexes(database, live, { by_due: ['due_at'], by_subject: ['site', 'subject'] })
  await createIndexes(database, { schema, table: `${prefix}_logout` }, { received: ['received_at'] })
  const disturbance = qualify(live, `${prefix}_disturbance`)
  if (!(await database(disturbance).first())) await database(disturbance).insert({ id: 1, disturbed_at: 0 })
}

const tables: Readonly<Record<string, (columns: Knex.CreateTableBuilder, text: TextType) => void>> = {
  live: defineLiveSessions,

  logout(columns, text) {
    columns.specificType('site', text(64)).notNullable()
    columns.specificType('session_key', text(255)).notNullable()
    columns.specificType('marker', text(36))
    columns.specificType('evidence', text(16)).notNullable()
    columns.datetime('detected_at', { precision: 3 }).notNullable()
    columns.bigInteger('clock_skew_ms').notNullable()
    columns.datetime('received_at', { precision: 3 }).notNullable()
    columns.primary(['site', 'session_key'])
  },

  return(columns, text) {
    columns.bigIncrements('id')
    // Not `unique()`, which would be a separate statement that an interruption could skip.
    columns.specificType('audit_id', 'bigint unsigned unique').notNullable()
    columns.specificType('site', text(64)).notNullable()
    columns.datetime('returned_at', { precision: 3 }).notNullable()
    columns.datetime('received_at', { precision: 3 }).notNullable()
  },

  // The times of collectors are epoch milliseconds of the database's clock.
  collector(columns, text) {
    columns.specificType('id', text(36)).primary()
    columns.bigInteger('started_at').notNullable()
    columns.bigInteger('marked_at').notNullable()
    columns.bigInteger('stopped_at')
  },

  disturbance(columns) {
    // Not `primary()`, which names a constraint: the name would be longer than MySQL allows.
    columns.specificType('id', 'integer primary key')
    columns.bigInteger('disturbed_at').notNullable()
  },
}

function defineLiveSessions(columns: Knex.CreateTableBuilder, text: TextType): void {
  columns.specificType('site', text(64)).notNullable()
  columns.specificType('session_key', text(255)).notNullable()
  columns.specificType('marker', text(36))
  columns.specificType('session', text(255))
  columns.specificType('subject', text(255))
  columns.specificType('evidence', text(16)).notNullable()
  columns.datetime('started_at', { precision: 3 })
  columns.datetime('signed_in_at', { precision: 3 })
  columns.datetime('last_access_at', { precision: 3 }).notNullable()
  columns.bigInteger('clock_skew_ms').notNullable()
  columns.integer('idle_timeout_seconds').notNullable()
  columns.integer('absolute_timeout_seconds')
  columns.double('heartbeat_seconds')
  columns.datetime('expires_at', { precision: 3 }).notNullable()
  columns.datetime('due_at', { precision: 3 }).notNullable()
  columns.bigInteger('wait_ms').notNullable()
  columns.specificType('origin', text(255))
  columns.specificType('user_agent', text(512))
  columns.specificType('client_version', text(32))
  columns.datetime('registered_at', { precision: 3 }).notNullable()
  columns.datetime('resumed_at', { precision: 3 })
  columns.bigInteger('resumes').unsigned()
  columns.primary(['site', 'session_key'])
}
