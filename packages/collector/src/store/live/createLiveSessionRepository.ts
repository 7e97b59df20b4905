import type { LiveSessionReader } from '../../reading/liveSessionReader.ts'
import type { SubjectSessions } from '../../recording/recordSubjectEnd.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { createOperationRunner } from '../database/operations.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'
import { createLiveSessionReader } from './createLiveSessionReader.ts'
import { selectedLiveColumns, toLiveSession } from './liveColumns.ts'

/** Reads live sessions. The writer changes them, see `openWriter`. */
export type LiveSessionRepository = SubjectSessions & LiveSessionReader

/**
 * @param auditDatabase serves reports, which must not wait for lists.
 * @param readingDatabase serves lists.
 */
export function createLiveSessionRepository(
  auditDatabase: AuditDatabase,
  readingDatabase: AuditDatabase,
): LiveSessionRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    ...createLiveSessionReader(readingDatabase),
    findBySubject: (site, subject) =>
      run(lookupDeadlineMs, async () =>
        (await knex(liveTable).select(selectedLiveColumns).where({ site, subject })).map(toLiveSession),
      ),
  }
}
