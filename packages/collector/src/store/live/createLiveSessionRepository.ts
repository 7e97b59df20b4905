import type { LiveSessionReader } from '../../reading/liveSessionReader.ts'
import type { SubjectSessions } from '../../recording/recordSubjectEnd.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { createLiveSessionReader } from './createLiveSessionReader.ts'

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
  const { readPages } = createLiveSessionReader(auditDatabase, lookupDeadlineMs)
  return {
    ...createLiveSessionReader(readingDatabase),
    readBySubject: (site, subject) => readPages({ site, subject }),
  }
}
