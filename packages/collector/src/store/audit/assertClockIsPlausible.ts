import type { Knex } from 'knex'
import { dayMs } from '../../domain/durations.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { readDatabaseTime } from '../database/lease.ts'
import { readTime } from '../database/storedTime.ts'

/** This machine's clock is ahead, or seems to be, so rows would be deleted too early. */
export class ClockAheadError extends Error {
  override readonly name = 'ClockAheadError'
}

const maxAheadMs = dayMs
/** If the newest row is older, a wrong clock is more likely than a site without session ends. */
const maxQuietMs = 30 * dayMs
/** How many of the newest rows are compared with the clock. */
const sampleRows = 100

/**
 * Compares this machine's clock with the database server's. Embedded SQLite has no clock of its own, so the clock is
 * compared with the newest rows instead.
 *
 * @throws {ClockAheadError} when the clock is more than a day ahead, or when the newest row is older than 30 days.
 */
export async function assertClockIsPlausible(database: Knex, tableName: string, now: Date): Promise<void> {
  const evidence = isSqlite(database)
    ? await compareWithNewestRows(database, tableName, now)
    : compareWithServer(await readDatabaseTime(database), now)
  if (evidence === undefined) return
  throw new ClockAheadError(
    `This machine's clock says ${now.toISOString()}, but ${evidence}. If the clock is ahead, rows would be deleted too ` +
      'early. Correct the clock. If it is right, run: lapse purge --force',
  )
}

function compareWithServer(serverTime: number, now: Date): string | undefined {
  if (now.getTime() - serverTime <= maxAheadMs) return undefined
  return `the database's clock says ${new Date(serverTime).toISOString()}`
}

/**
 * A clock that jumps ahead leaves a gap after the newest row. New rows hide the gap, but then the clocks of their
 * senders show that this one is ahead.
 */
async function compareWithNewestRows(
  database: Knex,
  tableName: string,
  now: Date,
): Promise<string | undefined> {
  const rows: { received_at: Date | string; clock_skew_ms: number }[] = await database(tableName)
    .select('received_at', 'clock_skew_ms')
    .orderBy('id', 'desc')
    .limit(sampleRows)
  const samples = rows.map((row) => ({
    receivedAt: readTime(row.received_at).getTime(),
    skewMs: Number(row.clock_skew_ms),
  }))
  if (samples.length === 0) return undefined
  const newest = Math.max(...samples.map(({ receivedAt }) => receivedAt))
  if (now.getTime() - newest > maxQuietMs)
    return `the newest row was received at ${new Date(newest).toISOString()}`
  // A report without a time is assumed to have no skew at all, so it says nothing about the clock.
  const skews = samples
    .filter(({ receivedAt, skewMs }) => now.getTime() - receivedAt < dayMs && skewMs !== 0)
    .map(({ skewMs }) => skewMs)
    .sort((a, b) => a - b)
  const median = skews[skews.length >> 1] ?? 0
  if (median <= maxAheadMs) return undefined
  return `according to the clocks of recent senders it is ${Math.round(median / dayMs)} days ahead`
}
