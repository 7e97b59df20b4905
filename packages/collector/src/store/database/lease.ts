import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { isRetryable } from './databaseErrors.ts'
import { isSqlite } from './isSqlite.ts'

const leaseTable = 'lapse_leases'
const defaultLifetimeMs = 30_000
const pollMs = 250
/** A renewal that fails is repeated before the lease expires. */
const renewalsPerLifetime = 4

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
 * @param work may stop when its signal is aborted. Then the lease was not renewed in time, for example because the
 * database was unavailable, and another process may get it.
 * @throws {LeaseHeldError} if another process still holds the lease after `waitMs`.
 */
export async function withLease<T>(
  database: Knex,
  name: string,
  { waitMs, lifetimeMs = defaultLifetimeMs }: LeaseOptions,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = { name, holder: randomUUID(), lifetimeMs }
  await createLease(database, name)
  const waitUntil = performance.now() + waitMs
  while (!(await acquireLease(database, lease))) {
    if (performance.now() > waitUntil) {
      throw new LeaseHeldError(
        `Another process holds the lease "${name}". Wait for it to finish, then try again.`,
      )
    }
    await sleep(pollMs)
  }
  const renewal = renewRegularly(database, lease)
  try {
    return await work(renewal.lost)
  } finally {
    await renewal.stop()
    await database(leaseTable).where({ name, holder: lease.holder }).update({ holder: null, expires_at: 0 })
  }
}

interface LeaseOptions {
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number
  /** How long the lease remains after its holder was killed, in milliseconds. */
  readonly lifetimeMs?: number
}

interface Lease {
  readonly name: string
  /** The id of this holder. */
  readonly holder: string
  readonly lifetimeMs: number
}

interface Renewal {
  readonly lost: AbortSignal
  /** Resolves after the last renewal has ended. */
  stop(): Promise<void>
}

/** Renews a lease that was just acquired, until it is stopped. */
function renewRegularly(database: Knex, lease: Lease): Renewal {
  const intervalMs = lease.lifetimeMs / renewalsPerLifetime
  const losing = new AbortController()
  let renewedAt = performance.now()
  let running: Promise<unknown> = Promise.resolve()

  async function renew(): Promise<void> {
    const startedAt = performance.now()
    if (await renewLease(database, lease)) renewedAt = startedAt
    else losing.abort()
  }

  const timer = setInterval(() => {
    // The next renewal could be too late.
    if (performance.now() - renewedAt > lease.lifetimeMs - intervalMs) losing.abort()
    running = Promise.allSettled([running, renew()])
  }, intervalMs)
  return {
    lost: losing.signal,
    async stop() {
      clearInterval(timer)
      await running
    },
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

async function acquireLease(database: Knex, { name, holder, lifetimeMs }: Lease): Promise<boolean> {
  const now = await readDatabaseTime(database)
  try {
    const updatedRows = await database(leaseTable)
      .where({ name })
      .where('expires_at', '<', now)
      .update({ holder, expires_at: now + lifetimeMs })
    return updatedRows === 1
  } catch (error) {
    // Another node of a cluster acquired it first.
    if (isRetryable(error)) return false
    throw error
  }
}

/** @returns whether this holder still has the lease. Unlike `acquireLease`, it cannot take a lease that was released. */
async function renewLease(database: Knex, { name, holder, lifetimeMs }: Lease): Promise<boolean> {
  const now = await readDatabaseTime(database)
  const updatedRows = await database(leaseTable)
    .where({ name, holder })
    .update({ expires_at: now + lifetimeMs })
  return updatedRows === 1
}

/** Reads the database's clock, in epoch milliseconds: replicas share it. With SQLite they share the machine's. */
export async function readDatabaseTime(database: Knex): Promise<number> {
  if (isSqlite(database)) return Date.now()
  // Not NOW(), which returns a constant if somebody has set the session variable `timestamp`.
  const [[{ now }]] = await database.raw('select cast(unix_timestamp(sysdate(3)) * 1000 as unsigned) as now')
  return Number(now)
}
