import { type Batch, BatchingWriter } from '../recording/batchingWriter.ts'
import type { DatabaseLocation } from './database/databaseUrl.ts'
import { createMysqlSessionStore } from './live/mysqlSessionStore.ts'
import { createSqliteSessionStore } from './live/sqliteSessionStore.ts'

/**
 * Opens the writer of a process, which has its own connections.
 *
 * @param onBatch called after each commit.
 */
export function openWriter(
  location: DatabaseLocation,
  tableName: string,
  onBatch?: (batch: Batch) => void,
): BatchingWriter {
  const store =
    location.dialect === 'sqlite'
      ? createSqliteSessionStore(location.path, tableName)
      : createMysqlSessionStore(location, tableName)
  return new BatchingWriter(store, onBatch)
}
