import type { Knex } from 'knex'
import type { LapseRow } from '../lapse/row.ts'
import { rowOf, selectedColumns } from './auditColumns.ts'

/** Reads the audit table. */
export interface AuditTable {
  /** The newest rows first. */
  latest(filter: LapseFilter): Promise<LapseRow[]>
}

export interface LapseFilter {
  readonly site?: string | undefined
  readonly subject?: string | undefined
  readonly reason?: string | undefined
  readonly limit: number
}

export function auditTable(database: Knex, tableName: string): AuditTable {
  return {
    async latest({ site, subject, reason, limit }) {
      const given = Object.entries({ site, subject, reason }).filter(([, value]) => value !== undefined)
      const records = await database(tableName)
        .select(selectedColumns)
        .where(Object.fromEntries(given))
        .orderBy('id', 'desc')
        .limit(limit)
      return records.map(rowOf)
    },
  }
}
