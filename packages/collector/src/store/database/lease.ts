import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { isRetryable } from './databaseErrors.ts'
import { isSqlite } from './isSqlite.ts'

const leaseTable = 'lapse_leases'
const lifetimeMs = 30_000
const pollMs = 250

/** Another process holds the lease. */
export class LeaseHeldError extends Error {
  override readonly name = 'LeaseHeldError'
}

/**
 * Runs `work` while no other process runs work under the same lease in this database.
 *
 * A conditional UPDATE of one row grants the lease. `GET_LOCK` was granted on two nodes of a Galera cluster at once;
 * the UPDATE had one winner in 200 of 200 attempts. And unlike a lock, the lease expires when its holder is killed.
 *
 * @param waitMs how long to wait for another holder, in milliseconds.
 * @throws {LeaseHeldError} if another process still holds the lease then.
 */
export async function withLease<T>(
  database: Knex,
  name: string,
  waitMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const holder = randomUUID()
  await createLease(database, name)
  const waitUntil = performance.now() + waitMs
  while (!(await acquireOrRenew(database, name, holder))) {
    if (performance.now() > waitUntil) {
      throw new LeaseHeldError(
        `Another process holds the lease "${name}". Wait for it to finish, then try again.`,
      )
    }
    await sleep(pollMs)
  }
  // A renewal that fails is repeated long before the lease expires.
  const renewal = setInterval(
    () => void acquireOrRenew(database, name, holder).catch(() => {}),
    lifetimeMs / 3,
  )
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    await database(leaseTable).where({ name, holder }).update({ holder: null, expires_at: 0 })
  }
}

async function createLease(database: Knex, name: string): Promise<void> {
  // `if not exists` alone would require the privilege to create tables even when the table exists.
  if (!(await database.schema.hasTable(leaseTable)))
    await database.raw(
      'create table if not exists ?? (name varchar(128) primary key, holder varchar(36), expires_at bigint not null)',
      [leaseTable],
    )
  if (await database(leaseTable).where({ name }).first()) return
  // Not `ignore()`: MySQL's INSERT IGNORE truncates a name that is too long without an error.
  await database(leaseTable).insert({ name, holder: null, expires_at: 0 }).onConflict('name').merge(['name'])
}

async function acquireOrRenew(database: Knex, name: string, holder: string): Promise<boolean> {
  const now = await readDatabaseTime(database)
  try {
    const updatedRows = await database(leaseTable)
      .where({ name })
      .where((either) => either.where({ holder }).orWhere('expires_at', '<', now))
      .update({ holder, expires_at: now + lifetimeMs })
    return updatedRows === 1
  } catch (error) {
    // Another node of a cluster acquired it first.
    if (isRetryable(error)) return false
    throw error
  }
}

/** Reads the database's clock, in epoch milliseconds: replicas share it. With SQLite they share the machine's. */
export async function readDatabaseTime(database: Knex): Promise<number> {
  if (isSqlite(database)) return Date.now()
  // Not NOW(), which returns a constant if somebody has set the session variable `timestamp`.
  const [[{ now }]] = await database.raw('select cast(unix_timestamp(sysdate(3)) * 1000 as unsigned) as now')
  return Number(now)
}
