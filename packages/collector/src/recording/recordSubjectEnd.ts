import type { EndReport, SubjectEndReport } from '../domain/endReport.ts'
import type { LiveSession } from '../domain/liveSession.ts'
import { describeEnd, type RecordingDependencies } from './recordSessionEnd.ts'
import type { EndOutcome } from './sessionWork.ts'
import { createMissingServerTokenError, type ReceivedReport, verifyReport } from './verifyReport.ts'

type SubjectSession = Pick<LiveSession, 'sessionKey' | 'session' | 'marker' | 'startedAt'>

/** How much longer one request may take than another. Each request dates its own times. */
const latencyMs = 1000

export interface SubjectSessions {
  /** Reads all live sessions of a user in pages. */
  readBySubject(site: string, subject: string): AsyncIterable<readonly SubjectSession[]>
}

/**
 * Records that all live sessions of a user have ended, except one, and except those that started after the report's
 * `detectedAt`: the report may be late, or repeated. Each session is decided separately.
 *
 * It writes one page of sessions after the other, so that the reports of others do not wait behind thousands of
 * sessions. If it throws, some sessions may have ended already. A repetition of the report ends the others, and returns
 * only those.
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
  const { site, subject, except, detectedAt, sentAt } = received.report
  const { receivedAt } = received
  const endedAt = (detectedAt ?? sentAt ?? receivedAt) + receivedAt - (sentAt ?? receivedAt)
  const outcomes: EndOutcome[] = []
  for await (const page of liveSessions.readBySubject(site, subject)) {
    const works = page
      .filter(({ session }) => except === undefined || session !== except)
      .filter(({ startedAt }) => startedAt === null || startedAt.getTime() <= endedAt + latencyMs)
      .map((live) => describeEnd({ ...received, report: nameSession(received.report, live) }, verified))
    outcomes.push(...(await Promise.all(works.map((work) => writer.write(work)))))
  }
  return outcomes
}

function nameSession(
  { site, subject, reason, detectedAt, sentAt }: SubjectEndReport,
  { sessionKey, session, marker }: SubjectSession,
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
