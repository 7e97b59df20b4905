import { describeActivity } from '../domain/activity.ts'
import type { ActivityReport } from '../domain/activityReport.ts'
import type { ActivityOutcome, ActivityWork } from './sessionWork.ts'
import {
  cleanUserAgent,
  type ReceivedReport,
  type VerificationDependencies,
  verifyReport,
} from './verifyReport.ts'

export interface ActivityWriter {
  /**
   * Decides what an activity report changes, and stores it. Resolves after the commit.
   *
   * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
   */
  write(work: ActivityWork): Promise<ActivityOutcome>
}

/**
 * Records that a session was used: verifies the report, decides what it changes, and stores that.
 *
 * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
 */
export async function recordActivity(
  received: ReceivedReport<ActivityReport>,
  dependencies: VerificationDependencies & { readonly writer: ActivityWriter },
): Promise<void> {
  await dependencies.writer.write(await prepareActivity(received, dependencies))
}

/**
 * Verifies an activity report.
 *
 * @throws {LapseError} that says why the report is refused.
 */
export async function prepareActivity(
  received: ReceivedReport<ActivityReport>,
  dependencies: VerificationDependencies,
): Promise<ActivityWork> {
  const { site, origin, claims } = await verifyReport(received, dependencies)
  const { report, receivedAt, userAgent, authorizeServer } = received
  const activity = describeActivity(report, claims, site, {
    receivedAt,
    origin,
    userAgent: cleanUserAgent(userAgent),
    evidence: authorizeServer ? 'server' : claims ? 'signed' : 'self_reported',
  })
  return { kind: 'activity', activity }
}
