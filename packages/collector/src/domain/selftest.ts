import type { NewSessionEnd } from './sessionEnd.ts'

/** The `clientVersion` and the `subject` of a self-test's row, and what its `session` begins with. */
export const selftestClient = 'selftest'
export const selftestSubject = 'selftest'
export const selftestSessionPrefix = 'selftest-'

/** How a self-test is noticed: as a browser notices the end of a session. */
export const selftestDetectedBy = 'login_page' satisfies NewSessionEnd['detectedBy']

/**
 * Whether a row is that of a self-test, which is neither counted nor copied. The host chooses the alias of a real
 * session at random, so nobody can hide one by reporting its end as a self-test. A server plays no self-tests.
 */
export function isSelftest({
  clientVersion,
  subject,
  session,
  evidence,
  detectedBy,
}: Pick<NewSessionEnd, 'clientVersion' | 'subject' | 'session' | 'evidence' | 'detectedBy'>): boolean {
  return (
    clientVersion === selftestClient &&
    subject === selftestSubject &&
    session?.startsWith(selftestSessionPrefix) === true &&
    evidence !== 'server' &&
    detectedBy === selftestDetectedBy
  )
}
