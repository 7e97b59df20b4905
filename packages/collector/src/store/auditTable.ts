import type { Knex } from 'knex'
import type { LapseFilter } from '../lapse/filter.ts'
import type { Position } from '../lapse/position.ts'
import type { LapseRow } from '../lapse/row.ts'
import { rowOf, selectedColumns } from './auditColumns.ts'
import { storedTime } from './storedTime.ts'

/** A part of a list: at most `limit` rows, those behind `after`. */
export interface Page {
  readonly limit: number
  readonly after?: Position | undefined
}

/** Reads the audit table. */
export interface AuditTable {
  /** The newest rows first, by the time of their detection. */
  page(filter: LapseFilter, page: Page): Promise<LapseRow[]>
  find(id: number): Promise<LapseRow | undefined>
}

export function auditTable(database: Knex, tableName: string): AuditTable {
  const stored = (time: Date) => storedTime(database, time)

  return {
    async page({ from, to, ...equal }, { limit, after }) {
      const given = Object.entries(equal).filter(([, value]) => value !== undefined)
      const query = database(tableName)
        .select(selectedColumns)
        .where(Object.fromEntries(given))
        .orderBy([
          { column: 'detected_at', order: 'desc' },
          { column: 'id', order: 'desc' },
        ])
        .limit(limit)
      if (from) query.where('detected_at', '>=', stored(from))
      if (to) query.where('detected_at', '<', stored(to))
      if (after) {
        const at = stored(after.detectedAt)
        // Says what (detected_at, id) < (…) says, in words by which the databases know where in the index to begin.
        query
          .where('detected_at', '<=', at)
          .where((either) => either.where('detected_at', '<', at).orWhere('id', '<', after.id))
      }
      return (await query).map(rowOf)
    },
    async find(id) {
      const record = await database(tableName).select(selectedColumns).where({ id }).first()
      return record && rowOf(record)
    },
  }
}
