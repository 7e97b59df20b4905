import type { Logger } from 'pino'
import type { SessionLimits } from '../auth/dashboardSession.ts'
import type { DashboardSessionRepository } from '../auth/dashboardSessionRepository.ts'
import type { TokenRepository } from '../auth/tokenRepository.ts'
import type { Site } from '../domain/site.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { FeedRepository } from '../reading/feed.ts'
import type { LiveSessionReader } from '../reading/liveSessionReader.ts'
import type { SessionEndRepository } from '../reading/sessionEndRepository.ts'
import type { SiteMonitor } from '../reading/siteMonitor.ts'
import type { SummaryRepository } from '../reading/summaryRepository.ts'
import type { HistoryRepository } from '../reading/userHistory.ts'
import type { ActivityWriter } from '../recording/recordActivity.ts'
import type { SessionEndWriter } from '../recording/recordSessionEnd.ts'
import type { SubjectSessions } from '../recording/recordSubjectEnd.ts'
import type { VerifyTicket } from '../recording/ticketVerifier.ts'
import type { VerificationDependencies } from '../recording/verifyReport.ts'
import type { ForwardedHeader } from './request/forwarded.ts'

/** A clock in epoch milliseconds. */
interface Clock {
  now(): number
}

/** Everything that the HTTP endpoints need from the rest of the collector. */
export interface Dependencies {
  readonly settings: {
    readonly listen: { readonly host: string }
    readonly sites: Readonly<Record<string, Site>>
    /** Networks whose proxies are trusted to report the client's address. */
    readonly trustProxy: readonly string[]
    /** The header in which these proxies report it, if configured. */
    readonly forwardedHeader?: ForwardedHeader | undefined
    readonly rateLimit: false | { readonly requestsPerMinute: number }
    readonly dashboard: SessionLimits
  }
  readonly store: {
    readonly sessionEnds: Pick<
      SessionEndRepository,
      'find' | 'readPage' | 'readPages' | 'count' | 'findNewest' | 'readSites'
    >
    readonly feed: FeedRepository
    readonly liveSessions: SubjectSessions & Pick<LiveSessionReader, 'readPage'>
    readonly history: HistoryRepository
    readonly summaries: SummaryRepository
    readonly tokens: Pick<TokenRepository, 'find'>
    readonly dashboardSessions: DashboardSessionRepository
    readonly schema: {
      /** @throws an error that explains why rows cannot be written now. */
      assertCurrent(): Promise<void>
    }
  }
  readonly writer: SessionEndWriter &
    ActivityWriter & {
      /** For how many milliseconds writes have been failing; 0 while they succeed. */
      readonly failingForMs: number
    }
  /** Verifies the tickets of activity reports, each of which comes many times. */
  readonly verifyRepeatedTicket: VerifyTicket
  /** The clock that says when a report arrived. */
  readonly clock: Clock
  /** How many activity reports could not be stored. The sweep must not take their sessions for idle. */
  readonly unstoredActivity: { count: number }
  /** Reads the state of the sites, and the alarms. */
  readonly siteMonitor: SiteMonitor
  /** Notes a report that was refused because of its origin or its ticket. */
  readonly observeRefusal: VerificationDependencies['observeRefusal']
  readonly metrics: Metrics
  readonly log: Logger
  readonly lifecycle: { readonly isStopping: boolean }
}
