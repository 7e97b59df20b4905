import type { Knex } from 'knex'
import { createIndexes, type TableName } from './helpers.ts'

const indexes = { by_receipt: ['site', 'received_at'] }

/** Creates the index that a purge finds expired rows by. */
export const up = (database: Knex, tableName: TableName) => createIndexes(database, tableName, indexes)
