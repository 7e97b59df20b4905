import type { Knex } from 'knex'
import {
  type CollectorMark,
  type Disturbance,
  findLostCollectors,
  measureGap,
  staleMarkMs,
} from '../../domain/disturbance.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs } from '../database/deadlines.ts'
import { readDatabaseTime } from '../database/lease.ts'
import { createOperationRunner } from '../database/operations.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'

interface MarkRequest {
  /** The id of this process. */
  readonly id: string
  /** Whether activity could not be stored since the last mark. */
  readonly hasUnstoredActivity: boolean
}

interface ReadClock {
  /** The time of the database's clock, in epoch milliseconds. */
  readonly databaseTime: number
  /** When that time was read, by the monotonic clock of this process in milliseconds. */
  readonly readAt: number
}

/** A mark that has been written. */
interface WrittenMark extends ReadClock {
  readonly disturbances: readonly Disturbance[]
}

/** What decides whether the sweep runs. Times are of the database's clock, in epoch milliseconds. */
export interface SweepStatus {
  readonly databaseTime: number
  /** When a collector last marked that it is running. Null if none is running. */
  readonly markedAt: number | null
  /** When reports of activity were last missing. 0 if they never were. */
  readonly disturbedAt: number
}

/** Marks which collectors are running, so that the sweep does not take missing reports for idle users. */
export interface MarkRepository {
  /**
   * Looks at all marks, notes disturbances, and then marks that this collector is running.
   *
   * @param judgesOthers whether the other collectors have had enough time to mark themselves.
   */
  mark(request: MarkRequest & { readonly judgesOthers: boolean }): Promise<WrittenMark>
  /** Notes that this collector stops in order. */
  signOff(request: MarkRequest): Promise<void>
  readStatus(): Promise<SweepStatus>
  readClock(): Promise<ReadClock>
}

export function createMarkRepository(auditDatabase: AuditDatabase): MarkRepository {
  const { knex } = auditDatabase
  const auditTable = splitTableName(auditDatabase.tableName)
  const name = (kind: Parameters<typeof getLiveTableName>[1]) =>
    qualify(auditTable, getLiveTableName(auditTable.table, kind))
  const tables = { collector: name('collector'), disturbance: name('disturbance'), live: name('live') }
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })

  return {
    mark: (request) =>
      run(lookupDeadlineMs, () =>
        runTransaction(knex, async (transaction) => {
          const databaseTime = await readDatabaseTime(transaction)
          const readAt = performance.now()
          await lockDisturbance(transaction, tables, databaseTime)
          const disturbances = await findDisturbances(transaction, tables, request, databaseTime)
          if (disturbances.length > 0) await noteDisturbance(transaction, tables, databaseTime)
          await writeMark(transaction, tables, request.id, databaseTime)
          return { databaseTime, readAt, disturbances }
        }),
      ),
    signOff: ({ id, hasUnstoredActivity }) =>
      run(lookupDeadlineMs, () =>
        runTransaction(knex, async (transaction) => {
          const now = await readDatabaseTime(transaction)
          await lockDisturbance(transaction, tables, now)
          if (hasUnstoredActivity) await noteDisturbance(transaction, tables, now)
          await transaction(tables.collector).where({ id }).update({ stopped_at: now })
        }),
      ),
    readStatus: () =>
      run(lookupDeadlineMs, async () => {
        const databaseTime = await readDatabaseTime(knex)
        const running = (await knex(tables.collector).whereNull('stopped_at').max('marked_at as at').first())
          ?.at
        const disturbance = await knex(tables.disturbance).where({ id: 1 }).first('disturbed_at')
        return {
          databaseTime,
          markedAt: running === null || running === undefined ? null : Number(running),
          disturbedAt: Number(disturbance?.disturbed_at ?? 0),
        }
      }),
    readClock: () =>
      run(lookupDeadlineMs, async () => ({
        databaseTime: await readDatabaseTime(knex),
        readAt: performance.now(),
      })),
  }
}

type Tables = Readonly<Record<'collector' | 'disturbance' | 'live', string>>

/**
 * Locks the row, so that collectors look at the marks one after the other. It changes the row only if the database's
 * clock was set back: the sweep would otherwise wait until the clock is past the noted time.
 */
async function lockDisturbance(
  transaction: Knex.Transaction,
  { disturbance }: Tables,
  now: number,
): Promise<void> {
  const earlier = transaction.raw('case when disturbed_at > ? then ? else disturbed_at end', [now, now])
  await transaction(disturbance).where({ id: 1 }).update({ disturbed_at: earlier })
}

async function findDisturbances(
  transaction: Knex.Transaction,
  tables: Tables,
  { id, hasUnstoredActivity, judgesOthers }: Parameters<MarkRepository['mark']>[0],
  now: number,
): Promise<Disturbance[]> {
  const marks = await readMarks(transaction, tables)
  const disturbances: Disturbance[] = hasUnstoredActivity ? [{ kind: 'unstored' }] : []
  const gapMs = measureGap(marks, now)
  const isGapNoted = gapMs > staleMarkMs && (await hasShorterHeartbeat(transaction, tables, gapMs))
  // The gap also covers the collectors that stopped when it began. They must not make the sweep wait again.
  const lost = isGapNoted || judgesOthers ? findLostCollectors(marks, id, now) : []
  if (isGapNoted) disturbances.push({ kind: 'gap', gapMs })
  else if (lost.length > 0) disturbances.push({ kind: 'lost', ids: lost })
  // These marks are no longer needed: this collector's own mark, written next, is newer.
  const past = [...lost, ...marks.filter(({ stoppedAt }) => stoppedAt !== null).map((mark) => mark.id)]
  if (past.length > 0) await transaction(tables.collector).whereIn('id', past).whereNot({ id }).delete()
  return disturbances
}

async function readMarks(transaction: Knex.Transaction, { collector }: Tables): Promise<CollectorMark[]> {
  const rows: Record<string, unknown>[] = await transaction(collector).select('id', 'marked_at', 'stopped_at')
  return rows.map((row) => ({
    id: String(row.id),
    markedAt: Number(row.marked_at),
    stoppedAt: row.stopped_at === null ? null : Number(row.stopped_at),
  }))
}

/** Returns whether a session could have missed a report in this time. Senders repeat a report that fails. */
async function hasShorterHeartbeat(
  transaction: Knex.Transaction,
  { live }: Tables,
  gapMs: number,
): Promise<boolean> {
  const session = await transaction(live)
    .select('site')
    .whereRaw('coalesce(heartbeat_seconds, 0) < ?', [gapMs / 1000])
    .first()
  return session !== undefined
}

async function noteDisturbance(
  transaction: Knex.Transaction,
  { disturbance }: Tables,
  now: number,
): Promise<void> {
  await transaction(disturbance).where({ id: 1 }).update({ disturbed_at: now })
}

async function writeMark(
  transaction: Knex.Transaction,
  { collector }: Tables,
  id: string,
  now: number,
): Promise<void> {
  const updated = await transaction(collector).where({ id }).update({ marked_at: now })
  if (updated === 0)
    await transaction(collector).insert({ id, started_at: now, marked_at: now, stopped_at: null })
}
