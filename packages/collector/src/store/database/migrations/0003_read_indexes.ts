import type { Knex } from 'knex'
import { createIndexes } from '../indexes.ts'
import type { TableName } from '../tableName.ts'

/** What the lists are read by; each index is in the order of the lists behind its first column, and ends with the id. */
const indexes = {
  by_time: ['detected_at'],
  by_site: ['site', 'detected_at'],
  by_subject: ['subject', 'detected_at'],
  by_session: ['session', 'detected_at'],
  by_reason: ['reason', 'detected_at'],
}

/** The indexes of the readers. */
export const up = (database: Knex, tableName: TableName) => createIndexes(database, tableName, indexes)
