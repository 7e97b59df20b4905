import type { Knex } from 'knex'
import { createIndexes, schemaBuilder, type TableName, textType } from './helpers.ts'

/** Creates the table that counts refused reports by quarters of an hour, and the one that remembers silent sites. */
export async function up(database: Knex, { schema, table: auditTable }: TableName): Promise<void> {
  const refusals = `${auditTable}_refusals`
  const silences = `${auditTable}_silences`
  const builder = (table: string) => schemaBuilder(database, { schema, table })
  const text = await textType(database)
  // MySQL commits DDL immediately, so an interrupted migration may have created a table.
  if (!(await builder(refusals).hasTable(refusals)))
    await builder(refusals).createTable(refusals, (columns) => {
      columns.specificType('site', text(64)).notNullable()
      columns.specificType('kind', text(16)).notNullable()
      columns.specificType('origin', text(255)).notNullable()
      columns.integer('quarter_hour').notNullable()
      columns.bigInteger('count').notNullable()
      columns.primary(['site', 'quarter_hour', 'kind', 'origin'])
    })
  await createIndexes(database, { schema, table: refusals }, { time: ['quarter_hour'] })
  if (!(await builder(silences).hasTable(silences)))
    await builder(silences).createTable(silences, (columns) => {
      columns.specificType('site', text(64)).primary()
      // Epoch milliseconds.
      columns.bigInteger('since').notNullable()
      columns.bigInteger('limit_ms').notNullable()
    })
}
