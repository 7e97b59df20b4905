import type { NewSessionEnd } from './sessionEnd.ts'

/** The `clientVersion`, the `subject` and the prefix of the `session` in the row of a self-test. */
export const selftestClient = 'selftest'
export const selftestSubject = 'selftest'
export const selftestSessionPrefix = 'selftest-'

/** A self-test reports like a browser whose login page found a marker. */
export const selftestDetectedBy = 'login_page' satisfies NewSessionEnd['detectedBy']

/**
 * Returns whether a row was written by a self-test. Such rows are neither counted nor copied.
 *
 * Nobody can hide a real session by reporting its end as a self-test, because the host chooses aliases at random.
 * Self-tests do not report as a server. And they correct no row: otherwise, who knows the marker of a session could correct
 * its row with one that is not counted.
 */
export function isSelftest({
  clientVersion,
  subject,
  session,
  evidence,
  detectedBy,
  supersedes,
}: Pick<
  NewSessionEnd,
  'clientVersion' | 'subject' | 'session' | 'evidence' | 'detectedBy' | 'supersedes'
>): boolean {
  return (
    clientVersion === selftestClient &&
    subject === selftestSubject &&
    session?.startsWith(selftestSessionPrefix) === true &&
    evidence !== 'server' &&
    detectedBy === selftestDetectedBy &&
    supersedes === null
  )
}
