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

/** The response of `GET v1/lapses`. */
export interface SessionEndPage {
  readonly lapses: readonly SessionEnd[]
  /** The cursor of the following page, or null on the last one. */
  readonly next: string | null
  /** How many rows all pages have, with `count=true`. Null if counting took too long. */
  readonly total?: number | null
  /** Why a list without rows may be empty. */
  readonly emptyBecause?: {
    /** The active filters in the syntax of the search. */
    readonly filters: string
    /** When the newest row of the site was detected. */
    readonly lastRowAt: string | null
  }
}

/** A session of a subject. A live one has no end, reason and id. */
export interface HistorySession {
  readonly site: string
  readonly session: string | null
  readonly marker: string | null
  readonly startedAt: string | null
  readonly lastAccessAt: string | null
  readonly endedAt: string | null
  readonly durationMs: number | null
  readonly reason: Reason | null
  readonly evidence: SessionEnd['evidence']
  readonly device: string | null
  readonly origin: string | null
  readonly id: number | null
}

/** The response of `GET v1/history`: the sessions of a subject, newest start first. */
export interface SubjectHistory {
  readonly sessions: readonly HistorySession[]
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

type ReasonCounts = Readonly<Partial<Record<Reason, number>>>

/** The number of sessions that ended in one hour, day, week or month, by reason. */
export interface Bucket {
  readonly start: string
  readonly counts: ReasonCounts
}

export interface SummaryTotals {
  readonly ended: number
  readonly idleTimeouts: number
  readonly returnedWithin10Minutes: number
  /** Null if counting took too long. */
  readonly needReview: number | null
}

export interface SummaryGroup {
  /** Null for unknown. */
  readonly key: string | null
  readonly count: number
  readonly counts: ReasonCounts
  readonly previousCount?: number
}

export interface SiteSummary {
  readonly site: string
  readonly ended: number
  readonly idleTimeouts: number
  /** The configured limit, or null if the site is not configured. */
  readonly idleTimeoutSeconds: number | null
  readonly pastLimit: PastLimit
  /** How many of those who came back a longer limit would have kept. */
  readonly keptBy: readonly { readonly extraMinutes: number; readonly count: number }[]
}

/** How many rows have each flag that asks for a closer look. */
export type FlagCounts = Readonly<
  Record<'clock_anomaly' | 'skew' | 'late' | 'conflict' | 'correction' | 'burst' | 'self_reported', number>
>

/** The response of `GET v1/summary`. Empty buckets are left out. */
export interface Summary {
  readonly bucket: 'hour' | 'day' | 'week' | 'month'
  readonly from: string
  readonly to: string
  readonly buckets: readonly Bucket[]
  readonly pastLimit: PastLimit
  readonly totals: SummaryTotals
  readonly sites: readonly SiteSummary[]
  /** With `compare=previous`. */
  readonly previous?: {
    readonly from: string
    readonly to: string
    readonly buckets: readonly Bucket[]
    readonly totals: SummaryTotals
  }
  /** With `groupBy`. */
  readonly groups?: readonly SummaryGroup[]
  readonly otherCount?: number
  /** With `flags=true`. */
  readonly flags?: FlagCounts
}

export interface SiteStatus {
  readonly site: string
  readonly lastRowAt: string | null
  readonly lastActivityAt: string | null
  readonly liveSessions: number
  readonly today: {
    readonly count: number
    /** The median of the same weekday and hours of the last four weeks. Null without history. */
    readonly usual: number | null
    readonly until: string
  }
  /** Null unless nothing has come from the site for unusually long. */
  readonly silent: { readonly since: string; readonly limitSeconds: number } | null
  readonly lastSelftestAt: string | null
  readonly idleTimeoutSeconds: number | null
  /** The number of the site's alarms. */
  readonly alarms: number
}

/** The response of `GET v1/sites`. */
export interface SiteStatusList {
  readonly sites: readonly SiteStatus[]
  readonly generatedAt: string
}

export interface Alarm {
  readonly kind: 'silent_site' | 'unusual_share' | 'refused_origin' | 'refused_ticket'
  readonly site: string | null
  readonly since: string
  readonly message: string
}

/** The response of `GET v1/alarms`. */
export interface AlarmList {
  readonly alarms: readonly Alarm[]
  readonly generatedAt: string
}

/** The session of the user who is signed in to the dashboard. */
export interface DashboardSession {
  readonly token: { readonly id: string; readonly name: string | null }
  readonly session: string
  readonly ticket: string
  readonly idleTimeoutSeconds: number
  readonly sites: readonly string[]
}
