import type { Knex } from 'knex'
import type { Token } from '../auth/token.ts'
import { LapseError } from '../domain/errors.ts'
import type { SessionEnd } from '../domain/sessionEnd.ts'
import { withinDeadline } from '../lifecycle/withinDeadline.ts'
import type { Position } from '../reading/cursor.ts'
import type { SessionEndFilter, TimeSpan } from '../reading/filter.ts'
import type { Tally } from '../reading/tally.ts'
import { type Batch, Writer } from '../recording/batchingWriter.ts'
import { auditTable, type Page } from './audit/auditTable.ts'
import { arrivals, type FollowOptions } from './audit/followSessionEnds.ts'
import { mysqlInserter } from './audit/mysqlInserter.ts'
import { countExpired, type Expired, PurgeIncompleteError, type PurgeOptions, purge } from './audit/purge.ts'
import { assertClockIsPlausible, ClockAheadError } from './audit/purgeClock.ts'
import { sqliteInserter } from './audit/sqliteInserter.ts'
import {
  type DashboardSessionTable,
  dashboardSessionTable,
} from './dashboardSessions/dashboardSessionTable.ts'
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

/** The audit table and what is beside it, but for the writing of rows. */
export interface Store {
  /** The newest rows first, by the time of their detection. */
  page(filter: SessionEndFilter, page: Page): Promise<SessionEnd[]>
  /**
   * All rows, or those behind a position, in the order of `page`, some hundreds at a time. No connection is held and
   * no more is read than is asked for; rows that arrive meanwhile make it neither skip nor repeat any other.
   */
  pages(filter: SessionEndFilter, after?: Position): AsyncGenerator<SessionEnd[], void, void>
  /** Rows as they come, each once, until the signal ends it. Throws only if it cannot begin. */
  follow(filter: SessionEndFilter, options: FollowOptions): AsyncGenerator<SessionEnd[], void, void>
  find(id: number): Promise<SessionEnd | undefined>
  /** Counts the rows that match, into the tally. Self-tests are left out. */
  summarize(filter: SessionEndFilter & TimeSpan, tally: Tally): Promise<void>
  addToken(token: Token): Promise<void>
  /** @throws {LapseError} `unavailable` when the database is away. */
  findToken(id: string): Promise<Token | undefined>
  /** The oldest first. */
  listTokens(): Promise<Token[]>
  /** Says whether there is such a token. */
  revokeToken(id: string): Promise<boolean>
  readonly dashboardSessions: DashboardSessionTable
  countExpired(expired: Expired): Promise<number>
  /**
   * Checks this machine's clock before rows are deleted by it.
   *
   * @throws {ClockAheadError} when it is ahead of the database's, or of what the newest rows say.
   */
  assertClockIsPlausible(now: Date): Promise<void>
  /**
   * Deletes rows for good, in small chunks while others write, and says how many they were.
   *
   * @throws {LeaseHeldError} while another process does that.
   * @throws {PurgeIncompleteError} when some rows could not be deleted, after all others were.
   */
  purge(expired: readonly Expired[], options?: PurgeOptions): Promise<number>
  /**
   * Checks a mirror against both tables. It changes nothing.
   *
   * @throws {MirrorError} naming all that does not fit.
   */
  planMirror(mirror: Mirror): Promise<MirrorPlan>
  /** Makes the trigger of a mirror, or replaces it. */
  createMirror(plan: MirrorPlan): Promise<void>
  /**
   * Finds the mirror into a table, which itself may be gone.
   *
   * @throws {MirrorError} when there is none.
   */
  findMirror(table: string): Promise<StandingMirror>
  /** Takes its trigger away. */
  dropMirror(mirror: StandingMirror): Promise<void>
  /** Counts the rows that are new and settled into the rollup, from which summaries are made. */
  rollUp(options?: RollUpOptions): Promise<void>
  /** Makes the rollup anew from the rows. */
  rebuildRollup(options?: RollUpOptions): Promise<void>
  /** Makes what is missing (the database itself too) and returns the names of the migrations that ran. */
  migrate(): Promise<string[]>
  /**
   * Checks, before reports are accepted, that the server keeps what it acknowledges. Resolves to warnings: what could
   * be lost in a crash, and hosts that are unavailable now.
   *
   * @throws an error that names each setting, certificate or right that has to change.
   */
  checkServer(): Promise<readonly string[]>
  /** Throws an error that says why rows cannot be written now. */
  assertReady(): Promise<void>
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

  const page: Store['page'] = (filter, part) => explained(table.page(filter, part))

  return {
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
      arrivals(
        {
          maxId: () => explained(table.maxId()),
          idsAbove: (id) => explained(table.idsAbove(id)),
          newest: (limit) => page(filter, { limit }),
          byIds: (ids) => explained(table.byIds(filter, ids)),
        },
        options,
      ),
    find: (id) => explained(table.find(id)),
    summarize: (filter, tally) => explained(summarize(pool('summaries'), tableName, filter, tally)),
    addToken: (token) => explained(tokens.add(token)),
    async findToken(id) {
      try {
        return await withinDeadline(deadlineMs, () => shareLookup(id))
      } catch (cause) {
        throw new LapseError('unavailable', 'The token could not be looked up. Try again later.', {
          cause,
          retryAfterSeconds: 5,
        })
      }
    },
    listTokens: () => explained(tokens.all()),
    revokeToken: (id) => explained(tokens.revoke(id, new Date())),
    dashboardSessions: dashboardSessionTable(pool('auth'), tableName),
    assertClockIsPlausible: (now) => explained(assertClockIsPlausible(jobs, tableName, now)),
    countExpired: (expired) => explained(countExpired(jobs, tableName, expired)),
    rollUp: (options) => explained(rollUp(jobs, tableName, options)),
    rebuildRollup: (options) => explained(rebuildRollup(jobs, tableName, options)),
    purge: (expired, options) =>
      explained(purge(jobs, tableName, expired, options).finally(() => emptyWriteAheadLog(jobs))),
    planMirror: (mirror) => explained(planMirror(jobs, tableName, mirror)),
    createMirror: (plan) => explained(createMirror(jobs, plan)),
    findMirror: (table) => explained(findMirror(jobs, tableName, table)),
    dropMirror: (mirror) => explained(dropMirror(jobs, mirror)),
    migrate: () => explained(createMissingDatabase(location).then(() => migrate(jobs, tableName))),
    checkServer: async () => (location.dialect === 'sqlite' ? [] : checkServer(location, tableName)),
    async assertReady() {
      if (await withinDeadline(deadlineMs, () => isMigrated(pool('health'), tableName))) return
      throw new Error(
        `The table ${tableName} is missing or older than this version needs. Run: lapse migrate`,
      )
    },
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
  return new Error(`The database ${nameOf(location)} failed: ${describeFailure(cause)}`, { cause })
}
