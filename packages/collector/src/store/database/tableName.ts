import type { Knex } from 'knex'
import { z } from 'zod'

/** The parts of a table's name. In MySQL and MariaDB, a schema is a database. */
export interface TableName {
  /** The connection's own schema if undefined. */
  readonly schema: string | undefined
  readonly table: string
}

export const tableNameSchema = z.string().regex(/^(?:\w{1,64}\.)?\w{1,48}$/, {
  error:
    'must be NAME or SCHEMA.NAME, with letters, digits and underscores, and NAME at most 48 characters long',
})

export function splitTableName(name: string): TableName {
  const [table = name, schema] = name.split('.').reverse()
  return { schema, table }
}

/** Writes another table's name with the schema of `tableName`. */
export function qualify({ schema }: TableName, name: string): string {
  return schema === undefined ? name : `${schema}.${name}`
}

/** Builds statements about tables in the schema of `tableName`. */
export function getSchemaBuilder(database: Knex, { schema }: TableName): Knex.SchemaBuilder {
  return schema ? database.schema.withSchema(schema) : database.schema
}

/** The names of the tables next to an audit table. Long suffixes would leave less room for the audit table's name. */
export const getTokenTableName = (auditTable: string) => `${auditTable}_tokens`
export const getDashboardSessionTableName = (auditTable: string) => `${auditTable}_dashboard`
export const getRollupTableName = (auditTable: string) => `${auditTable}_rollup`
export const getFlagDayTableName = (auditTable: string) => `${auditTable}_rollup_flags`
export const getRecountTableName = (auditTable: string) => `${auditTable}_rollup_recounts`
export const getRollupProgressTableName = (auditTable: string) => `${auditTable}_rollup_progress`
export const getFeedTableName = (auditTable: string) => `${auditTable}_feed`
export const getFeedProgressTableName = (auditTable: string) => `${auditTable}_feed_progress`
export const getRefusalTableName = (auditTable: string) => `${auditTable}_refusals`
export const getSilenceTableName = (auditTable: string) => `${auditTable}_silences`
export const getForwardTableName = (auditTable: string) => `${auditTable}_forward`
export const getMigrationTableName = (auditTable: string) => `${auditTable}_migrations`

/**
 * Names the tables of live sessions: `session_live` for the audit table `session_audit`, and `NAME_live` for any other
 * audit table `NAME`.
 */
export function getLiveTableName(auditTable: string, kind: LiveTableKind): string {
  return `${auditTable === 'session_audit' ? 'session' : auditTable}_${kind}`
}

type LiveTableKind = 'live' | 'logout' | 'return' | 'collector' | 'disturbance'
