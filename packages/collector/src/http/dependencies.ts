import type { Logger } from 'pino'
import type { DashboardSession, SessionLimits } from '../auth/dashboardSession.ts'
import type { Token } from '../auth/token.ts'
import type { NewSessionEnd, Recorded, SessionEnd } from '../domain/sessionEnd.ts'
import type { Site } from '../domain/site.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Position } from '../reading/cursor.ts'
import type { SessionEndFilter, TimeSpan } from '../reading/filter.ts'
import type { Tally } from '../reading/tally.ts'
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
    /** Throws while rows cannot be written. */
    assertReady(): Promise<void>
    findToken(id: string): Promise<Token | undefined>
    readonly dashboardSessions: {
      add(
        session: DashboardSession,
        options: { readonly replaces: string | undefined; readonly forgetBefore: Date },
      ): Promise<void>
      find(cookieHash: string): Promise<DashboardSession | undefined>
      recordAccess(cookieHash: string, at: Date): Promise<void>
      end(cookieHash: string, at: Date): Promise<void>
    }
    page(
      filter: SessionEndFilter,
      page: { readonly limit: number; readonly after?: Position | undefined },
    ): Promise<SessionEnd[]>
    pages(filter: SessionEndFilter, after?: Position): AsyncGenerator<SessionEnd[], void, void>
    find(id: number): Promise<SessionEnd | undefined>
    /** Counts the rows that match, into the tally. */
    summarize(filter: SessionEndFilter & TimeSpan, tally: Tally): Promise<void>
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
