import { type Batch, BatchingWriter } from '../recording/batchingWriter.ts'
import { createMysqlInserter } from './audit/mysqlInserter.ts'
import { createSqliteInserter } from './audit/sqliteInserter.ts'
import type { DatabaseLocation } from './database/databaseUrl.ts'

/**
 * Opens the writer of a process, which has its own connections.
 *
 * @param onBatch called after each insert.
 */
export function openWriter(
  location: DatabaseLocation,
  tableName: string,
  onBatch?: (batch: Batch) => void,
): BatchingWriter {
  const inserter =
    location.dialect === 'sqlite'
      ? createSqliteInserter(location.path, tableName)
      : createMysqlInserter(location, tableName)
  return new BatchingWriter(inserter, onBatch)
}
