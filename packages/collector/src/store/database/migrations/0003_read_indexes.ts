import type { Knex } from 'knex'
import { createIndexes, type TableName } from './helpers.ts'

/** Lists are sorted by `detected_at` and the id, which InnoDB and SQLite append to every index. */
const indexes = {
  by_time: ['detected_at'],
  by_site: ['site', 'detected_at'],
  by_subject: ['subject', 'detected_at'],
  by_session: ['session', 'detected_at'],
  by_reason: ['reason', 'detected_at'],
}

/** Creates the indexes for lists and their filters. */
export const up = (database: Knex, tableName: TableName) => createIndexes(database, tableName, indexes)
