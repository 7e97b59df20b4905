import type { Knex } from 'knex'
import type { DashboardSessionRepository } from '../auth/dashboardSessionRepository.ts'
import type { Token } from '../auth/token.ts'
import type { TokenRepository } from '../auth/tokenRepository.ts'
import { LapseError } from '../domain/errors.ts'
import { StorageError } from '../domain/storageError.ts'
import { withinDeadline } from '../lifecycle/withinDeadline.ts'
import type { SessionEndRepository } from '../reading/sessionEndRepository.ts'
import type { SummaryRepository } from '../reading/summaryRepository.ts'
import { type Batch, Writer } from '../recording/batchingWriter.ts'
import { auditTable } from './audit/auditTable.ts'
import { followSessionEnds } from './audit/followSessionEnds.ts'
import { mysqlInserter } from './audit/mysqlInserter.ts'
import { countExpired, type Expired, PurgeIncompleteError, type PurgeOptions, purge } from './audit/purge.ts'
import { assertClockIsPlausible, ClockAheadError } from './audit/purgeClock.ts'
import { sqliteInserter } from './audit/sqliteInserter.ts'
import { dashboardSessionTable } from './dashboardSessions/dashboardSessionTable.ts'
import { checkServer } from './database/checkServer.ts'
import { connect, createMissingDatabase, isSqlite, type PoolName } from './database/connect.ts'
import { describeFailure } from './database/databaseErrors.ts'
import { type DatabaseLocation, nameOf } from './database/databaseUrl.ts'
import { LeaseHeldError } from './database/lease.ts'
import { isMigrated, migrate } from './database/migrations/migrate.ts'
import {
  createMirror,
  dropMirror,
  findMirror,
  MirrorError,
  type MirrorPlan,
  planMirror,
  type StandingMirror,
} from './mirror/mirror.ts'
import type { Mirror } from './mirror/mirrorTrigger.ts'
import { type RollUpOptions, rebuildRollup, rollUp } from './rollup/rollup.ts'
import { summarize } from './rollup/summary.ts'
import { tokenTable } from './tokens/tokenTable.ts'

/** Deletes rows whose retention is over. */
interface RetentionRepository {
  countExpired(expired: Expired): Promise<number>
  /**
   * Checks this machine's clock before rows are deleted by it.
   *
   * @throws {ClockAheadError} when it is ahead of the database's clock, or of what the newest rows say.
   */
  assertClockIsPlausible(now: Date): Promise<void>
  /**
   * Deletes rows permanently, in small chunks while others write.
   *
   * @returns the number of deleted rows.
   * @throws {LeaseHeldError} while another process deletes rows.
   * @throws {PurgeIncompleteError} when some rows could not be deleted, after all others were.
   */
  purge(expired: readonly Expired[], options?: PurgeOptions): Promise<number>
}

/** Keeps the counts that summaries are made from. */
interface RollupRepository {
  /** Counts the rows that are new and settled. */
  update(options?: RollUpOptions): Promise<void>
  /** Counts all rows again. */
  rebuild(options?: RollUpOptions): Promise<void>
}

/** Manages the triggers that copy rows into tables of the application. */
interface MirrorRepository {
  /**
   * Checks a mirror against both tables. It changes nothing.
   *
   * @throws {MirrorError} naming everything that does not fit.
   */
  plan(mirror: Mirror): Promise<MirrorPlan>
  /** Creates the trigger of a mirror, or replaces it. */
  create(plan: MirrorPlan): Promise<void>
  /**
   * Finds the mirror into a table, even if that table no longer exists.
   *
   * @throws {MirrorError} when there is none.
   */
  find(table: string): Promise<StandingMirror>
  drop(mirror: StandingMirror): Promise<void>
}

interface SchemaRepository {
  /**
   * Creates what is missing, including the database itself.
   *
   * @returns the names of the migrations that ran.
   */
  migrate(): Promise<string[]>
  /** @throws an error that says why rows cannot be written now. */
  assertCurrent(): Promise<void>
}

/** The repositories of one database. The writer of rows is apart: see `openWriter`. */
export interface Store {
  readonly sessionEnds: SessionEndRepository
  readonly summaries: SummaryRepository
  readonly tokens: TokenRepository
  readonly dashboardSessions: DashboardSessionRepository
  readonly retention: RetentionRepository
  readonly rollup: RollupRepository
  readonly mirrors: MirrorRepository
  readonly schema: SchemaRepository
  /**
   * Checks, before reports are accepted, that the server keeps what it acknowledges.
   *
   * @returns warnings: what could be lost in a crash, and hosts that are unavailable now.
   * @throws an error that names each setting, certificate or privilege that has to change.
   */
  checkServer(): Promise<readonly string[]>
  close(): Promise<void>
}

const deadlineMs = 5_000
/** Larger ones are hardly faster. */
const rowsPerPage = 500

/** Opens the store. Nothing is connected until it is used. */
export function openStore(location: DatabaseLocation, tableName: string): Store {
  const pools = new Map<PoolName, Knex>()
  function pool(name: PoolName): Knex {
    const opened = pools.get(name) ?? connect(location, name)
    pools.set(name, opened)
    return opened
  }
  const lookups = new Map<string, Promise<Token | undefined>>()
  /** Requests that bring the same token at the same time share one look-up. */
  function shareLookup(id: string): Promise<Token | undefined> {
    const shared = lookups.get(id) ?? tokens.find(id).finally(() => lookups.delete(id))
    lookups.set(id, shared)
    return shared
  }
  const jobs = pool('jobs')
  const table = auditTable(pool('reading'), tableName)
  const tokens = tokenTable(pool('auth'), tableName)

  async function explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      const isExplained = [ClockAheadError, LeaseHeldError, MirrorError, PurgeIncompleteError].some(
        (kind) => cause instanceof kind,
      )
      throw isExplained ? cause : explain(cause, location)
    }
  }

  const page: SessionEndRepository['page'] = (filter, part) => explained(table.page(filter, part))

  return {
    sessionEnds: {
      page,
      async *pages(filter, after) {
        for (let last = after; ; ) {
          const rows = await page(filter, { limit: rowsPerPage, after: last })
          if (rows.length > 0) yield rows
          last = rows.at(-1)
          if (rows.length < rowsPerPage) return
        }
      },
      follow: (filter, options) =>
        followSessionEnds(
          {
            maxId: () => explained(table.maxId()),
            idsAbove: (id) => explained(table.idsAbove(id)),
            newest: (limit) => page(filter, { limit }),
            byIds: (ids) => explained(table.byIds(filter, ids)),
          },
          options,
        ),
      find: (id) => explained(table.find(id)),
    },
    summaries: {
      summarize: (filter, tally) => explained(summarize(pool('summaries'), tableName, filter, tally)),
    },
    tokens: {
      add: (token) => explained(tokens.add(token)),
      async find(id) {
        try {
          return await withinDeadline(deadlineMs, () => shareLookup(id))
        } catch (cause) {
          throw new LapseError('unavailable', 'The token could not be looked up. Try again later.', {
            cause,
            retryAfterSeconds: 5,
          })
        }
      },
      list: () => explained(tokens.list()),
      revoke: (id, at) => explained(tokens.revoke(id, at)),
    },
    dashboardSessions: dashboardSessionTable(pool('auth'), tableName),
    retention: {
      assertClockIsPlausible: (now) => explained(assertClockIsPlausible(jobs, tableName, now)),
      countExpired: (expired) => explained(countExpired(jobs, tableName, expired)),
      purge: (expired, options) =>
        explained(purge(jobs, tableName, expired, options).finally(() => emptyWriteAheadLog(jobs))),
    },
    rollup: {
      update: (options) => explained(rollUp(jobs, tableName, options)),
      rebuild: (options) => explained(rebuildRollup(jobs, tableName, options)),
    },
    mirrors: {
      plan: (mirror) => explained(planMirror(jobs, tableName, mirror)),
      create: (plan) => explained(createMirror(jobs, plan)),
      find: (table) => explained(findMirror(jobs, tableName, table)),
      drop: (mirror) => explained(dropMirror(jobs, mirror)),
    },
    schema: {
      migrate: () => explained(createMissingDatabase(location).then(() => migrate(jobs, tableName))),
      async assertCurrent() {
        if (await withinDeadline(deadlineMs, () => isMigrated(pool('health'), tableName))) return
        throw new Error(
          `The table ${tableName} is missing or older than this version needs. Run: lapse migrate`,
        )
      },
    },
    checkServer: async () => (location.dialect === 'sqlite' ? [] : checkServer(location, tableName)),
    async close() {
      await Promise.all([...pools.values()].map((opened) => opened.destroy()))
    },
  }
}

/** Deleted rows stay readable in SQLite's log until it is emptied. */
async function emptyWriteAheadLog(database: Knex): Promise<void> {
  if (isSqlite(database)) await database.raw('pragma wal_checkpoint(truncate)')
}

/** Opens the one writer of a process, with connections of its own. `onBatch` hears of each insert. */
export function openWriter(
  location: DatabaseLocation,
  tableName: string,
  onBatch?: (batch: Batch) => void,
): Writer {
  const inserter =
    location.dialect === 'sqlite'
      ? sqliteInserter(location.path, tableName)
      : mysqlInserter(location, tableName)
  return new Writer(inserter, onBatch)
}

/** Says which database failed, why, and what to do. Never names the password. */
function explain(cause: unknown, location: DatabaseLocation): Error {
  return new StorageError(`The database ${nameOf(location)} failed: ${describeFailure(cause)}`, {
    storedData: 'audit',
    cause,
  })
}
