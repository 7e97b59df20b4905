import type { Knex } from 'knex'
import { createIndexes } from '../indexes.ts'
import type { TableName } from '../tableName.ts'

const indexes = { by_receipt: ['site', 'received_at'] }

/** The index by which expired rows are found: retention counts from the receipt. */
export const up = (database: Knex, tableName: TableName) => createIndexes(database, tableName, indexes)
