import type { Logger } from 'pino'
import type { DashboardSession, SessionLimits } from '../lapse/dashboardSession.ts'
import type { LapseFilter, TimeSpan } from '../lapse/filter.ts'
import type { Position } from '../lapse/position.ts'
import type { Lapse, LapseRow, Recorded } from '../lapse/row.ts'
import type { Site } from '../lapse/site.ts'
import type { Tally } from '../lapse/tally.ts'
import type { Token } from '../lapse/token.ts'
import type { ForwardedHeader } from './forwarded.ts'
import type { Metrics } from './metrics.ts'

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
      filter: LapseFilter,
      page: { readonly limit: number; readonly after?: Position | undefined },
    ): Promise<LapseRow[]>
    pages(filter: LapseFilter, after?: Position): AsyncGenerator<LapseRow[], void, void>
    find(id: number): Promise<LapseRow | undefined>
    /** Counts the rows that match, into the tally. */
    summarize(filter: LapseFilter & TimeSpan, tally: Tally): Promise<void>
  }
  readonly writer: {
    /** Writes a row once and resolves after the commit. */
    write(lapse: Lapse): Promise<Recorded>
    readonly failingForMs: number
  }
  readonly metrics: Metrics
  readonly log: Logger
  readonly lifecycle: { readonly isStopping: boolean }
}
