import type { Logger } from 'pino'
import type { SessionLimits } from '../auth/dashboardSession.ts'
import type { DashboardSessionRepository } from '../auth/dashboardSessionRepository.ts'
import type { TokenRepository } from '../auth/tokenRepository.ts'
import type { NewSessionEnd, Recorded } from '../domain/sessionEnd.ts'
import type { Site } from '../domain/site.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SessionEndRepository } from '../reading/sessionEndRepository.ts'
import type { SummaryRepository } from '../reading/summaryRepository.ts'
import type { ForwardedHeader } from './request/forwarded.ts'

/** What the endpoints need of the world around them. */
export interface CollectorParts {
  readonly settings: {
    readonly listen: { readonly host: string }
    readonly sites: Readonly<Record<string, Site>>
    /** Networks whose proxies are believed about the client's address. */
    readonly trustProxy: readonly string[]
    /** The header that they write it into, where that is known. */
    readonly forwardedHeader?: ForwardedHeader | undefined
    readonly rateLimit: false | { readonly requestsPerMinute: number }
    readonly dashboard: SessionLimits
  }
  readonly store: {
    readonly sessionEnds: Pick<SessionEndRepository, 'find' | 'page' | 'pages'>
    readonly summaries: SummaryRepository
    readonly tokens: Pick<TokenRepository, 'find'>
    readonly dashboardSessions: DashboardSessionRepository
    readonly schema: {
      /** @throws an error that says why rows cannot be written now. */
      assertCurrent(): Promise<void>
    }
  }
  readonly writer: {
    /** Writes a row once and resolves after the commit. */
    write(lapse: NewSessionEnd): Promise<Recorded>
    readonly failingForMs: number
  }
  readonly metrics: Metrics
  readonly log: Logger
  readonly lifecycle: { readonly isStopping: boolean }
}
