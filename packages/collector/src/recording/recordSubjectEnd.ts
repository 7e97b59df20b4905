import type { EndReport, SubjectEndReport } from '../domain/endReport.ts'
import type { LiveSession } from '../domain/liveSession.ts'
import { describeEnd, type RecordingDependencies } from './recordSessionEnd.ts'
import type { EndOutcome } from './sessionWork.ts'
import { createMissingServerTokenError, type ReceivedReport, verifyReport } from './verifyReport.ts'

export interface SubjectSessions {
  /** Finds all live sessions of a user. */
  findBySubject(site: string, subject: string): Promise<readonly LiveSession[]>
}

/**
 * Records that all live sessions of a user have ended, except one. Each session is decided on its own.
 *
 * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
 */
export async function recordSubjectEnd(
  received: ReceivedReport<SubjectEndReport>,
  dependencies: RecordingDependencies & { readonly liveSessions: SubjectSessions },
): Promise<readonly EndOutcome[]> {
  const { writer, liveSessions } = dependencies
  const verified = await verifyReport(received, dependencies)
  if (!received.authorizeServer) throw createMissingServerTokenError()
  const { site, subject, except } = received.report
  const sessions = await liveSessions.findBySubject(site, subject)
  const works = sessions
    .filter(({ session }) => except === undefined || session !== except)
    .map((live) => describeEnd({ ...received, report: nameSession(received.report, live) }, verified))
  return Promise.all(works.map((work) => writer.write(work)))
}

function nameSession(
  { site, subject, reason, detectedAt, sentAt }: SubjectEndReport,
  { sessionKey, session, marker }: LiveSession,
): EndReport {
  return {
    ...{ site, subject, reason, detectedAt, sentAt },
    detectedBy: 'server',
    session: session ?? undefined,
    marker: (session === null ? sessionKey : marker) ?? undefined,
    startedAt: undefined,
    lastAccessAt: undefined,
    ticket: undefined,
    browserRestarted: undefined,
    client: undefined,
  }
}
