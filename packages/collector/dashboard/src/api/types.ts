import type { SessionEndJson } from '../../../src/domain/sessionEnd.ts'
import type { Reason } from '../../../src/domain/verdict.ts'
import type { PastLimit } from '../../../src/reading/pastLimit.ts'

/** A row of the audit table: how and when a session ended. */
export type SessionEnd = SessionEndJson

/** The response of `GET v1/lapses`. `next` is the cursor of the following page, or null on the last one. */
export interface SessionEndPage {
  readonly lapses: readonly SessionEnd[]
  readonly next: string | null
}

/** The number of sessions that ended in one hour or day, by reason. */
export interface Bucket {
  readonly start: string
  readonly counts: Readonly<Partial<Record<Reason, number>>>
}

/** The response of `GET v1/summary`. Empty buckets are left out. */
export interface Summary {
  readonly bucket: 'hour' | 'day'
  readonly from: string
  readonly to: string
  readonly buckets: readonly Bucket[]
  readonly pastLimit: PastLimit
}

/** The session of the user who is signed in to the dashboard. */
export interface DashboardSession {
  readonly token: { readonly id: string; readonly name: string | null }
  readonly session: string
  readonly ticket: string
  readonly idleTimeoutSeconds: number
  readonly sites: readonly string[]
}
