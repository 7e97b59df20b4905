import { selftestClient, selftestSubject } from '../../domain/selftest.ts'
import type { SelftestSession } from './selftestTypes.ts'

/** Creates the report that a session was used. */
export function createActivityReport(site: string, session: SelftestSession) {
  const { startedAt, lastAccessAt } = session.times
  return { ...describeSession(site, session), startedAt, lastAccessAt, sentAt: Date.now() }
}

/** Creates the report of a login page, to which the user has come back without a session. */
export function createEndReport(site: string, session: SelftestSession, detectedAt: number) {
  const { startedAt, lastAccessAt } = session.times
  return {
    ...describeSession(site, session),
    ...{ startedAt, lastAccessAt, detectedAt },
    sentAt: detectedAt,
    detectedBy: 'login_page',
    browserRestarted: false,
  }
}

function describeSession(site: string, { session, marker, ticket }: SelftestSession) {
  return {
    ...{ site, marker, session },
    subject: selftestSubject,
    client: selftestClient,
    ...(ticket !== undefined && { ticket }),
  }
}

/** Removes the ticket from a report, because anyone who has it can report with it. */
export function omitTicket({ ticket, ...report }: { readonly ticket?: string }) {
  return { ...report, ...(ticket !== undefined && { ticket: '(omitted)' }) }
}
