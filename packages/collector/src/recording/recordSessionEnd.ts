import { applyAddressPolicy } from '../domain/address.ts'
import type { EndReport } from '../domain/endReport.ts'
import type { EndOutcome, EndWork } from './sessionWork.ts'
import {
  cleanUserAgent,
  type ReceivedReport,
  type VerificationDependencies,
  type VerifiedReport,
  verifyReport,
} from './verifyReport.ts'

export interface SessionEndWriter {
  /**
   * Decides what an end report changes, and stores it. Resolves after the commit.
   *
   * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
   */
  write(work: EndWork): Promise<EndOutcome>
}

export interface RecordingDependencies extends VerificationDependencies {
  readonly writer: SessionEndWriter
}

/**
 * Records the end of a session: verifies the report, decides what it changes, and stores that.
 *
 * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
 */
export async function recordSessionEnd(
  received: ReceivedReport<EndReport>,
  dependencies: RecordingDependencies,
): Promise<EndOutcome> {
  return dependencies.writer.write(await prepareSessionEnd(received, dependencies))
}

/**
 * Verifies an end report.
 *
 * @throws {LapseError} that says why the report is refused.
 */
export async function prepareSessionEnd(
  received: ReceivedReport<EndReport>,
  dependencies: VerificationDependencies,
): Promise<EndWork> {
  return describeEnd(received, await verifyReport(received, dependencies))
}

/** Describes a verified end report for the decision. */
export function describeEnd(
  { report, receivedAt, address, userAgent }: ReceivedReport<EndReport>,
  { site, origin, claims }: VerifiedReport,
): EndWork {
  const request = {
    receivedAt,
    origin,
    ip: applyAddressPolicy(address, site.ip),
    userAgent: cleanUserAgent(userAgent),
  }
  return { kind: 'end', end: { report, claims, site, request } }
}
