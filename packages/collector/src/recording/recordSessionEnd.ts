import { applyAddressPolicy } from '../domain/address.ts'
import type { VerifiedEnd } from '../domain/decisions/decideEnd.ts'
import type { EndReport } from '../domain/endReport.ts'
import { maxLengths } from '../domain/sessionEnd.ts'
import { replaceUnsafe } from '../domain/text/plainText.ts'
import type { EndOutcome, EndWork } from './sessionWork.ts'
import {
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

/** A request and its response. */
interface Exchange {
  readonly receive: () => Promise<ReceivedReport<EndReport>>
  readonly answer: (outcome: EndOutcome) => void
}

interface RecordingDependencies extends VerificationDependencies {
  readonly writer: SessionEndWriter
}

/**
 * Records the end of a session. These are all the steps from the request to its response.
 *
 * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
 */
export async function recordSessionEnd(
  { receive, answer }: Exchange,
  dependencies: RecordingDependencies,
): Promise<void> {
  const received = await receive()
  const verified = await verifyReport(received, dependencies)
  const outcome = await dependencies.writer.write({ kind: 'end', end: describeEnd(received, verified) })
  answer(outcome)
}

/** Describes a verified end report for the decision. */
export function describeEnd(
  { report, receivedAt, address, userAgent }: ReceivedReport<EndReport>,
  { site, origin, claims }: VerifiedReport,
): VerifiedEnd {
  const request = {
    receivedAt,
    origin,
    ip: applyAddressPolicy(address, site.ip),
    userAgent: cleanUserAgent(userAgent),
  }
  return { report, claims, site, request }
}

/** @returns undefined for an empty header. */
export function cleanUserAgent(userAgent: string): string | undefined {
  return replaceUnsafe(userAgent).slice(0, maxLengths.userAgent) || undefined
}
