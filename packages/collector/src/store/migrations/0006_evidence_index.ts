import type { Knex } from 'knex'
import { createIndexes } from '../createIndexes.ts'
import type { TableName } from '../tableName.ts'

/** So that a list by an evidence that hardly any row has need not read them all. */
export const up = (database: Knex, tableName: TableName) =>
  createIndexes(database, tableName, { by_evidence: ['evidence', 'detected_at'] })
