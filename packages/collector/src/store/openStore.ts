import type { DashboardSessionRepository } from '../auth/dashboardSessionRepository.ts'
import type { TokenRepository } from '../auth/tokenRepository.ts'
import type { ForwardRepository } from '../forward/forwardRepository.ts'
import type { FeedRepository } from '../reading/feed.ts'
import type { SessionEndRepository } from '../reading/sessionEndRepository.ts'
import type { SiteRepository } from '../reading/siteRepository.ts'
import type { SummaryRepository } from '../reading/summaryRepository.ts'
import type { HistoryRepository } from '../reading/userHistory.ts'
import { createErasureRepository, type ErasureRepository } from './audit/createErasureRepository.ts'
import { createRetentionRepository, type RetentionRepository } from './audit/createRetentionRepository.ts'
import { createSessionEndRepository } from './audit/createSessionEndRepository.ts'
import { createDashboardSessionRepository } from './dashboardSessions/createDashboardSessionRepository.ts'
import { checkServer } from './database/checkServer.ts'
import { createPools } from './database/connectionPools.ts'
import { type DatabaseLocation, formatLocation } from './database/databaseUrl.ts'
import {
  findMissingPrivileges,
  type MissingPrivileges,
  type PrivilegeOptions,
} from './database/findMissingPrivileges.ts'
import { createSchemaRepository, type SchemaRepository } from './database/schema/createSchemaRepository.ts'
import { createFeedRepository } from './feed/createFeedRepository.ts'
import { createFeedSequencer, type FeedSequencer } from './feed/createFeedSequencer.ts'
import { createForwardRepository } from './forward/createForwardRepository.ts'
import { createHistoryRepository } from './history/createHistoryRepository.ts'
import {
  createLiveSessionRepository,
  type LiveSessionRepository,
} from './live/createLiveSessionRepository.ts'
import { createMarkRepository, type MarkRepository } from './live/createMarkRepository.ts'
import { createSweepRepository } from './live/createSweepRepository.ts'
import type { SweepRepository } from './live/sweepRepository.ts'
import { createMirrorRepository, type MirrorRepository } from './mirror/createMirrorRepository.ts'
import { createRollupRepository, type RollupRepository } from './rollup/createRollupRepository.ts'
import { createSummaryRepository } from './rollup/createSummaryRepository.ts'
import { type AlarmRepository, createAlarmRepository } from './sites/createAlarmRepository.ts'
import { createSiteRepository } from './sites/createSiteRepository.ts'
import { createTokenRepository } from './tokens/createTokenRepository.ts'

/** The repositories of one database. Reports are stored by a separate writer, see `openWriter`. */
export interface Store {
  readonly sessionEnds: SessionEndRepository
  readonly feed: FeedRepository
  readonly feedSequencer: FeedSequencer
  readonly forwards: ForwardRepository
  readonly liveSessions: LiveSessionRepository
  readonly history: HistoryRepository
  readonly sweep: SweepRepository
  readonly marks: MarkRepository
  readonly summaries: SummaryRepository
  readonly tokens: TokenRepository
  readonly dashboardSessions: DashboardSessionRepository
  readonly retention: RetentionRepository
  readonly erasure: ErasureRepository
  readonly rollup: RollupRepository
  readonly mirrors: MirrorRepository
  readonly sites: SiteRepository
  readonly alarms: AlarmRepository
  readonly schema: SchemaRepository
  /**
   * Checks whether the database server accepts writes and keeps what it acknowledges.
   *
   * @returns warnings: settings that can lose rows in a crash, and hosts that are unavailable.
   * @throws an error that names each setting, certificate or privilege that has to change.
   */
  checkServer(): Promise<readonly string[]>
  /** Finds the privileges that the account lacks. SQLite has none. */
  findMissingPrivileges(options: PrivilegeOptions): Promise<readonly MissingPrivileges[]>
  /** Closes all connections. */
  close(): Promise<void>
}

/**
 * Opens the database of an audit table. It connects when a repository is first used.
 *
 * @param tableName the audit table, `NAME` or `SCHEMA.NAME`.
 */
export function openStore(location: DatabaseLocation, tableName: string): Store {
  const pools = createPools(location)
  const displayName = formatLocation(location)
  const sweep = createSweepRepository(location, { tableName, displayName })
  const usePool = (pool: keyof typeof pools) => ({ knex: pools[pool], tableName, displayName })

  return {
    sessionEnds: createSessionEndRepository(usePool('reading'), usePool('counts')),
    feed: createFeedRepository(usePool('reading')),
    feedSequencer: createFeedSequencer(usePool('jobs')),
    forwards: createForwardRepository(usePool('forward')),
    liveSessions: createLiveSessionRepository(usePool('auth'), usePool('reading')),
    history: createHistoryRepository(usePool('reading')),
    sweep,
    marks: createMarkRepository(usePool('marks')),
    summaries: createSummaryRepository(usePool('summaries')),
    tokens: createTokenRepository(usePool('auth')),
    dashboardSessions: createDashboardSessionRepository(usePool('auth')),
    retention: createRetentionRepository(usePool('jobs')),
    erasure: createErasureRepository(usePool('jobs')),
    rollup: createRollupRepository(usePool('jobs')),
    mirrors: createMirrorRepository(usePool('jobs')),
    sites: createSiteRepository(usePool('reading')),
    alarms: createAlarmRepository(usePool('jobs')),
    schema: createSchemaRepository(location, usePool('jobs'), usePool('health')),
    checkServer: async () => (location.dialect === 'sqlite' ? [] : checkServer(location, tableName)),
    findMissingPrivileges: (options) => findMissingPrivileges(usePool('jobs'), options),
    async close() {
      await Promise.all([sweep.close(), ...Object.values(pools).map((pool) => pool.destroy())])
    },
  }
}
