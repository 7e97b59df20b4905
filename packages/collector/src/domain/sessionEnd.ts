import type { Reason } from './verdict.ts'

/** How far a row can be trusted: by a ticket, by a browser's word alone, or by a server's. */
export const evidences = ['signed', 'self_reported', 'server'] as const
export type Evidence = (typeof evidences)[number]

/**
 * One row of the audit table before the database gives it an `id`. Times are by the collector's clock, and none is
 * after `receivedAt`. `elapsedMs` and `clockSkewMs` are what the sender's times say, however wrong these are.
 */
export interface NewSessionEnd {
  readonly site: string
  readonly sessionKey: string
  readonly marker: string | null
  readonly session: string | null
  readonly subject: string | null
  readonly reason: Reason
  readonly evidence: Evidence
  readonly detectedBy: 'login_page' | 'new_session' | 'logout' | 'server'
  readonly startedAt: Date | null
  readonly lastAccessAt: Date | null
  readonly expiredAt: Date | null
  readonly detectedAt: Date
  readonly receivedAt: Date
  readonly elapsedMs: number | null
  readonly idleTimeoutSeconds: number | null
  readonly absoluteTimeoutSeconds: number | null
  readonly clockSkewMs: number
  readonly browserRestarted: boolean | null
  readonly origin: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  readonly clientVersion: string | null
}

export interface SessionEnd extends NewSessionEnd {
  readonly id: number
}

/** What became of a lapse: the row that stands in the table, and whether it stood there before. */
export interface Recorded {
  readonly row: SessionEnd
  readonly duplicate: boolean
}
