import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { isSqlite } from './connect.ts'
import { isRetryable } from './databaseErrors.ts'

const leaseTable = 'lapse_leases'
const lifetimeMs = 30_000
const pollMs = 250

/**
 * Runs `work` while no other process runs work of the same name on this database.
 *
 * A conditional UPDATE of one row grants the lease: unlike `GET_LOCK` it has one winner on a Galera cluster too, and
 * unlike a lock row it runs out when its holder is killed.
 *
 * @throws {LeaseHeldError} when the lease is still held by another after `waitMs` milliseconds.
 */
export async function withLease<T>(
  database: Knex,
  name: string,
  waitMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const holder = randomUUID()
  await ensureLease(database, name)
  const giveUpAt = Date.now() + waitMs
  while (!(await take(database, name, holder))) {
    if (Date.now() > giveUpAt) {
      throw new LeaseHeldError(
        `Another process has held the lease "${name}" for ${waitMs} ms. Wait for it, then try again.`,
      )
    }
    await sleep(pollMs)
  }
  const renewal = setInterval(() => void take(database, name, holder).catch(() => {}), lifetimeMs / 3)
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    await database(leaseTable).where({ name, holder }).update({ holder: null, expires_at: 0 })
  }
}

/** The work is being done by another process. */
export class LeaseHeldError extends Error {
  override readonly name = 'LeaseHeldError'
}

async function ensureLease(database: Knex, name: string): Promise<void> {
  // `if not exists` alone would ask for the right to make tables even where the table is there.
  if (!(await database.schema.hasTable(leaseTable)))
    await database.raw(
      'create table if not exists ?? (name varchar(128) primary key, holder varchar(36), expires_at bigint not null)',
      [leaseTable],
    )
  if (await database(leaseTable).where({ name }).first()) return
  // Not `ignore()`: MySQL's INSERT IGNORE would cut a name that is too long, and say nothing.
  await database(leaseTable).insert({ name, holder: null, expires_at: 0 }).onConflict('name').merge(['name'])
}

async function take(database: Knex, name: string, holder: string): Promise<boolean> {
  const now = await databaseTime(database)
  try {
    const taken = await database(leaseTable)
      .where({ name })
      .where((either) => either.where({ holder }).orWhere('expires_at', '<', now))
      .update({ holder, expires_at: now + lifetimeMs })
    return taken === 1
  } catch (error) {
    // Another node of a cluster was faster.
    if (isRetryable(error)) return false
    throw error
  }
}

/** Replicas share the database's clock, not each other's. In SQLite they share the machine's. */
export async function databaseTime(database: Knex): Promise<number> {
  if (isSqlite(database)) return Date.now()
  // Not NOW(), which stands still where somebody has set the session's `timestamp`.
  const [[{ now }]] = await database.raw('select cast(unix_timestamp(sysdate(3)) * 1000 as unsigned) as now')
  return Number(now)
}
