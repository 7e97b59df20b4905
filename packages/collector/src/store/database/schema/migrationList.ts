import type { Knex } from 'knex'
import { up as sessionAudit } from '../migrations/0001_session_audit.ts'
import { up as tokens } from '../migrations/0002_tokens.ts'
import { up as readIndexes } from '../migrations/0003_read_indexes.ts'
import { up as rollup } from '../migrations/0004_rollup.ts'
import { up as rollupBySite } from '../migrations/0005_rollup_by_site.ts'
import { up as filterIndexes } from '../migrations/0006_filter_indexes.ts'
import { up as dashboardSessions } from '../migrations/0007_dashboard_sessions.ts'
import { up as receivedIndex } from '../migrations/0008_received_index.ts'
import { up as revisions } from '../migrations/0009_revisions.ts'
import { up as liveSessions } from '../migrations/0010_live_sessions.ts'
import { up as rollupProgress } from '../migrations/0011_rollup_progress.ts'
import { up as markerIndexes } from '../migrations/0012_marker_indexes.ts'
import { up as feed } from '../migrations/0013_feed.ts'
import { up as forward } from '../migrations/0014_forward.ts'
import { up as refusals } from '../migrations/0015_refusals.ts'
import { up as searchIndexes } from '../migrations/0016_search_indexes.ts'
import { up as summaryParts } from '../migrations/0017_summary_parts.ts'
import type { TableName } from '../tableName.ts'

type Migration = (database: Knex, tableName: TableName) => Promise<void>

/**
 * All migrations in their order, by the names that the history records. They are listed rather than found in the
 * folder, so that the published package runs the same migrations as a checkout.
 */
export const migrations: ReadonlyMap<string, Migration> = new Map(
  Object.entries({
    '0001_session_audit': sessionAudit,
    '0002_tokens': tokens,
    '0003_read_indexes': readIndexes,
    '0004_rollup': rollup,
    '0005_rollup_by_site': rollupBySite,
    '0006_filter_indexes': filterIndexes,
    '0007_dashboard_sessions': dashboardSessions,
    '0008_received_index': receivedIndex,
    '0009_revisions': revisions,
    '0010_live_sessions': liveSessions,
    '0011_rollup_progress': rollupProgress,
    '0012_marker_indexes.compatible': markerIndexes,
    '0013_feed.compatible': feed,
    '0014_forward.compatible': forward,
    '0015_refusals.compatible': refusals,
    '0016_search_indexes.compatible': searchIndexes,
    '0017_summary_parts.compatible': summaryParts,
  }),
)

/**
 * Returns whether versions of Lapse that do not know a migration can use the schema after it. See
 * `migrations/README.md`.
 */
export function isCompatible(migration: string): boolean {
  return migration.endsWith('.compatible')
}
