import type { Knex } from 'knex'
import { z } from 'zod'

/** The audit table's name, with the schema (in MySQL, the database) that it is in when that is named. */
export interface TableName {
  readonly schema: string | undefined
  readonly table: string
}

export const tableNameSchema = z.string().regex(/^(?:\w{1,64}\.)?\w{1,48}$/, {
  error: 'write NAME or SCHEMA.NAME: letters, digits and underscores, NAME at most 48 of them',
})

/** Makes and looks up tables in the schema that the name has, else in the connection's own. */
export function schemaBuilder(database: Knex, { schema }: TableName): Knex.SchemaBuilder {
  return schema ? database.schema.withSchema(schema) : database.schema
}

/** The table of the bearer tokens, beside the audit table. */
export const tokensOf = (table: string) => `${table}_tokens`

/** The table of the dashboard's sessions. A longer name would leave less room for the audit table's own. */
export const dashboardSessionsOf = (table: string) => `${table}_dashboard`

/** The tables of the counts that summaries are made of. */
export const rollupOf = (table: string) => `${table}_rollup`
export const rollupStateOf = (table: string) => `${table}_rollup_state`

/** A table's or an index's name as a statement writes it: with the schema, where that is named. */
export const inSchema = ({ schema }: TableName, name: string) => (schema ? `${schema}.${name}` : name)

export function splitTableName(name: string): TableName {
  const [table = name, schema] = name.split('.').reverse()
  return { schema, table }
}
