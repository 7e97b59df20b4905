import type { Knex } from 'knex'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import type { Page } from '../../reading/sessionEndRepository.ts'
import { storedTime } from '../database/storedTime.ts'
import { selectedColumns, toSessionEnd } from './auditColumns.ts'

/** Reads the audit table. */
export interface AuditTable {
  /** The newest rows first, by the time of their detection. */
  page(filter: SessionEndFilter, page: Page): Promise<SessionEnd[]>
  find(id: number): Promise<SessionEnd | undefined>
  maxId(): Promise<number>
  /** Ascending. */
  idsAbove(id: number): Promise<number[]>
  /** Those of these rows that match, by ascending id. */
  byIds(filter: SessionEndFilter, ids: readonly number[]): Promise<SessionEnd[]>
}

export function auditTable(database: Knex, tableName: string): AuditTable {
  const stored = (time: Date) => storedTime(database, time)

  function matching({ from, to, ...equal }: SessionEndFilter): Knex.QueryBuilder {
    const given = Object.entries(equal).filter(([, value]) => value !== undefined)
    const query = database(tableName).select(selectedColumns).where(Object.fromEntries(given))
    if (from) query.where('detected_at', '>=', stored(from))
    if (to) query.where('detected_at', '<', stored(to))
    return query
  }

  return {
    async page(filter, { limit, after }) {
      const query = matching(filter)
        .orderBy([
          { column: 'detected_at', order: 'desc' },
          { column: 'id', order: 'desc' },
        ])
        .limit(limit)
      if (after) {
        const at = stored(after.detectedAt)
        // Says what (detected_at, id) < (…) says, in words by which the databases know where in the index to begin.
        query
          .where('detected_at', '<=', at)
          .where((either) => either.where('detected_at', '<', at).orWhere('id', '<', after.id))
      }
      return (await query).map(toSessionEnd)
    },
    async find(id) {
      const record = await database(tableName).select(selectedColumns).where({ id }).first()
      return record && toSessionEnd(record)
    },
    async maxId() {
      const highest = await database(tableName).max('id as id').first()
      return Number(highest?.id ?? 0)
    },
    async idsAbove(id) {
      return database(tableName).where('id', '>', id).orderBy('id').pluck('id')
    },
    async byIds(filter, ids) {
      return (await matching(filter).whereIn('id', ids).orderBy('id')).map(toSessionEnd)
    },
  }
}
