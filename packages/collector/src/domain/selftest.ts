import type { NewSessionEnd } from './sessionEnd.ts'

/** The `clientVersion`, the `subject` and the prefix of the `session` in the row of a self-test. */
export const selftestClient = 'selftest'
export const selftestSubject = 'selftest'
export const selftestSessionPrefix = 'selftest-'

/** A self-test reports like a browser whose login page found a marker, or waits for the sweep. */
export const selftestDetectedBy = ['login_page', 'sweep'] as const satisfies NewSessionEnd['detectedBy'][]

/**
 * Returns whether an alias is that of a self-test.
 *
 * Such a session is never joined with what is known under its marker. Otherwise, anyone who knows a session's marker
 * could continue it as a self-test, whose row is not counted.
 */
export function isSelftestAlias(session: string): boolean {
  return session.startsWith(selftestSessionPrefix)
}

/**
 * Returns whether a row was written by a self-test. Such rows are neither counted nor copied.
 *
 * Nobody can hide a real session by reporting it as a self-test, because the host chooses aliases at random. Self-tests do
 * not report as a server. Self-tests correct no row. Otherwise, anyone who knows a session's marker could correct its row
 * with one that is not counted.
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
    session !== null &&
    isSelftestAlias(session) &&
    evidence !== 'server' &&
    selftestDetectedBy.some((way) => way === detectedBy) &&
    supersedes === null
  )
}
