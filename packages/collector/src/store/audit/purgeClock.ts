import type { Knex } from 'knex'
import { isSqlite } from '../database/connect.ts'
import { databaseTime } from '../database/lease.ts'
import { readTime } from '../database/storedTime.ts'

/** This machine's clock is ahead, or seems to be: rows would be deleted before their time. */
export class ClockAheadError extends Error {
  override readonly name = 'ClockAheadError'
}

const dayMs = 86_400_000
const maxAheadMs = dayMs
/** How long there may be no new row before the clock, rather than the site, is doubted. */
const maxQuietMs = 30 * dayMs
/** How many of the newest rows are asked what time it is. */
const witnessRows = 100

/**
 * Compares this machine's clock with another one, before rows are deleted by it: with the database server's, or for
 * embedded SQLite, which has none, with what the newest rows say.
 *
 * @throws {ClockAheadError} where it is more than a day ahead, or no row is newer than 30 days.
 */
export async function assertClockIsPlausible(database: Knex, tableName: string, now: Date): Promise<void> {
  const doubt = isSqlite(database)
    ? await findDoubtInRows(database, tableName, now)
    : findDoubtInServer(await databaseTime(database), now)
  if (doubt === undefined) return
  throw new ClockAheadError(
    `This machine's clock says ${now.toISOString()}, but ${doubt}. If the clock is ahead, rows would be deleted too ` +
      'early. Correct it, or if it is right, run: lapse purge --force',
  )
}

function findDoubtInServer(serverTime: number, now: Date): string | undefined {
  if (now.getTime() - serverTime <= maxAheadMs) return undefined
  return `the database's says ${new Date(serverTime).toISOString()}`
}

/**
 * A clock that jumps ahead leaves a gap behind the newest row. As soon as reports arrive again the gap is hidden, but
 * then their senders' clocks say that this one is ahead.
 */
async function findDoubtInRows(database: Knex, tableName: string, now: Date): Promise<string | undefined> {
  const rows: { received_at: Date | string; clock_skew_ms: number }[] = await database(tableName)
    .select('received_at', 'clock_skew_ms')
    .orderBy('id', 'desc')
    .limit(witnessRows)
  const witnesses = rows.map((row) => ({
    receivedAt: readTime(row.received_at).getTime(),
    skewMs: Number(row.clock_skew_ms),
  }))
  if (witnesses.length === 0) return undefined
  const newest = Math.max(...witnesses.map(({ receivedAt }) => receivedAt))
  if (now.getTime() - newest > maxQuietMs)
    return `the newest row was received at ${new Date(newest).toISOString()}`
  // Whose report has no time of its own is taken to agree exactly, and says nothing.
  const skews = witnesses
    .filter(({ receivedAt, skewMs }) => now.getTime() - receivedAt < dayMs && skewMs !== 0)
    .map(({ skewMs }) => skewMs)
    .sort((a, b) => a - b)
  const median = skews[skews.length >> 1] ?? 0
  if (median <= maxAheadMs) return undefined
  return `by the clocks of those who reported last it is ${Math.round(median / dayMs)} days ahead`
}
