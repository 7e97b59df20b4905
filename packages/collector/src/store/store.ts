import { setTimeout as sleep } from 'node:timers/promises'
import { LapseError } from '../lapse/error.ts'
import type { Lapse, LapseRow, Recorded } from '../lapse/row.ts'
import { auditTable, type LapseFilter } from './auditTable.ts'
import { connect, createMissingDatabase } from './connect.ts'
import type { DatabaseLocation } from './databaseUrl.ts'
import { isMigrated, migrate } from './migrate.ts'
import { recordOnce } from './recordOnce.ts'

/** The audit table and all that is done with it. */
export interface Store {
  /**
   * Writes the row of a session that ended, once. Resolves after the commit.
   *
   * @throws {LapseError} `unavailable` when the database is away or lacks its tables.
   */
  record(lapse: Lapse): Promise<Recorded>
  /** The newest rows first. */
  latest(filter: LapseFilter): Promise<LapseRow[]>
  /** Makes what is missing (the database itself too) and returns the names of the migrations that ran. */
  migrate(): Promise<string[]>
  /** Throws an error that says why rows cannot be written now. */
  assertReady(): Promise<void>
  close(): Promise<void>
}

const deadlineMs = 5_000

/** Opens the store. Nothing is connected until it is used. */
export function openStore(location: DatabaseLocation, tableName: string): Store {
  const database = connect(location)
  const table = auditTable(database, tableName)
  return {
    async record(lapse) {
      try {
        return await withinDeadline(recordOnce(table, lapse))
      } catch (cause) {
        throw new LapseError(
          'unavailable',
          'The event could not be written to the database. Send it again later.',
          {
            cause,
            retryAfterSeconds: 5,
          },
        )
      }
    },
    async latest(filter) {
      try {
        return await table.latest(filter)
      } catch (cause) {
        throw explain(cause, location)
      }
    },
    async migrate() {
      try {
        await createMissingDatabase(location)
        return await migrate(database, tableName)
      } catch (cause) {
        throw explain(cause, location)
      }
    },
    async assertReady() {
      if (await withinDeadline(isMigrated(database, tableName))) return
      throw new Error(
        `The table ${tableName} is missing or older than this version needs. Run: lapse migrate`,
      )
    },
    close: () => database.destroy(),
  }
}

/**
 * Gives up the wait, not the work: a row that is committed later makes the next try a duplicate. Cutting a query off
 * would leave its connection unusable.
 */
async function withinDeadline<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const deadline = sleep(deadlineMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`The database has not answered within ${deadlineMs} ms.`)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    timer.abort()
  }
}

/** Says which database failed, why, and what to do. Never names the password. */
function explain(cause: unknown, location: DatabaseLocation): Error {
  const name =
    location.dialect === 'sqlite'
      ? `sqlite:${location.path}`
      : `mysql://${location.user}@${location.host}:${location.port}/${location.database}`
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  // knex writes the whole statement before the message of the database.
  const why = (cause instanceof Error && cause.message.split(' - ').at(-1)) || code || String(cause)
  const hint = /NO_SUCH_TABLE|no such table/.test(code + why)
    ? 'Run: lapse migrate'
    : 'Check that it runs, and that the URL, the account and its rights are right.'
  return new Error(`The database ${name} failed: ${why}. ${hint}`, { cause })
}
