import { createUnknownSiteError } from '../../recording/verifyReport.ts'
import type { BatchAnswer } from './schemas.ts'

// The current time, so that anyone who sends the example reports a session of today.
const now = Math.floor(Date.now() / 1000) * 1000

export const exampleReport = {
  site: 'acme',
  marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  startedAt: now - 7_200_000,
  lastAccessAt: now - 3_600_000,
  detectedAt: now,
  sentAt: now,
  session: 'a1f',
  subject: 'u_42',
  detectedBy: 'login_page',
  browserRestarted: false,
  client: '0.1.0',
}
export const exampleServerReport = {
  site: 'acme',
  session: 'b2e',
  subject: 'u_7',
  detectedBy: 'server',
  reason: 'revoked',
}
export const exampleLogout = {
  ...exampleReport,
  marker: '7d1f4a52-3c0e-4b6b-9a55-2f6c8e1d0b94',
  session: 'c3d',
  lastAccessAt: now - 60_000,
  detectedBy: 'logout',
}
export const invalidReport = { ...exampleReport, subject: true }
export const otherOrigin = 'https://other.example'
export const otherSite = 'other'
/** A ticket without a valid signature. */
export const forgedTicket = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImxhcHNlK2p3dCJ9.e30.AAAA'

export const exampleActivity = {
  site: 'acme',
  marker: '3f6d2c1a-8b7e-4e0f-a1d2-5c4b3a291807',
  session: 'd4f',
  subject: 'u_42',
  startedAt: now - 600_000,
  lastAccessAt: now,
  sentAt: now,
  heartbeatSeconds: 300,
  client: '0.1.0',
}
const exampleServerActivity = { site: 'acme', session: 'd4f', subject: 'u_42', lastAccessAt: now }
export const exampleSubjectEnd = { site: 'acme', subject: 'u_99', reason: 'revoked', except: 'e5a' }

/** Several reports, of which the second one names a site that does not exist. */
export const exampleServerReports = [
  { ...exampleServerReport, session: 'f6b' },
  { ...exampleServerReport, site: otherSite },
]
export const exampleServerActivities = [exampleServerActivity, { ...exampleServerActivity, site: otherSite }]

export const exampleBatchAnswer: BatchAnswer = {
  accepted: 1,
  rejected: [
    { index: 1, errors: [{ pointer: '#/site', detail: createUnknownSiteError(otherSite).message }] },
  ],
}
