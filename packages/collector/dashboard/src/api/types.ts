import type { z } from 'zod'
import type { Reason } from '../../../src/domain/verdict.ts'
import type { listedLiveSessionSchema } from '../../../src/reading/listedLiveSession.ts'
import type {
  listedSessionEndSchema,
  sessionEndHistorySchema,
} from '../../../src/reading/listedSessionEnd.ts'
import type { PastLimit } from '../../../src/reading/pastLimit.ts'

/** A row of the audit table, and what has become known about it since it was written. */
export type SessionEnd = Readonly<z.input<typeof listedSessionEndSchema>>

/** The response of `GET v1/lapses/ID`: a row, and the rows that it corrects, newest first. */
export type SessionEndHistory = Readonly<z.input<typeof sessionEndHistorySchema>>

/** The response of `GET v1/lapses`. `next` is the cursor of the following page, or null on the last one. */
export interface SessionEndPage {
  readonly lapses: readonly SessionEnd[]
  readonly next: string | null
}

/** A session that has not ended yet, as far as reports say. */
export type LiveSession = Readonly<z.input<typeof listedLiveSessionSchema>>

/** The response of `GET v1/sessions`. `next` is null if there are no further sessions. */
export interface LiveSessionPage {
  readonly sessions: readonly LiveSession[]
  readonly next: string | null
}

/** The response of `GET dashboard/live-sessions`: how many sessions each site had when they were last counted. */
export interface LiveSessionCounts {
  readonly counts: Readonly<Record<string, number>>
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
