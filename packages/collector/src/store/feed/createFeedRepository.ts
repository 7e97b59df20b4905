import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { LapseError } from '../../domain/errors.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { type FeedPage, type FeedPosition, type FeedRepository, toFeedPosition } from '../../reading/feed.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import { addDetails } from '../audit/addDetails.ts'
import { prefixedColumns, toSessionEnd } from '../audit/auditColumns.ts'
import {
  distinguishesRevisions,
  dropUnrelatedCorrections,
  filterRowsOrCorrections,
} from '../audit/filterCorrections.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { lookupDeadlineMs, queryDeadlineMs } from '../database/deadlines.ts'
import { getSnapshot } from '../database/getSnapshot.ts'
import { checkTime } from '../database/limitTime.ts'
import { createOperationRunner } from '../database/operations.ts'
import { readTime } from '../database/storedTime.ts'
import { type FeedProgress, getFeedTables, readFeedProgress } from './feedTables.ts'

/** The positions of one query, however few of their rows match. */
const positionsPerQuery = 10_000
/** The rows of one query if some of them, corrections, may be dropped. */
const minCandidates = 500
/** How long `read` searches for rows that match, in milliseconds. Then it returns those that it has found. */
const maxSearchMs = 2_000
/** How long a node of a cluster may lag behind the node from which the reader got its position. */
const maxLagMs = 1_000
const lagPollMs = 100

export function createFeedRepository(auditDatabase: AuditDatabase): FeedRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit', expectedErrors: [LapseError] })
  return {
    read: ({ revisions: _, ...filter }, { after, limit }) =>
      run(queryDeadlineMs, async (signal) => {
        const found = await search(knex, tableName, filter, { after, limit, signal })
        return { ...found, rows: await addDetails(knex, tableName, found.rows) }
      }),
    readEnd: () =>
      run(lookupDeadlineMs, async () => {
        const progress = await readFeedProgress(knex, getFeedTables(tableName))
        if (!(await hasUnnumberedRows(knex, tableName, progress))) return progress.position
        const message =
          'Existing rows are still being added to the feed, so its end is not known yet. This needs a running collector.'
        throw new LapseError('unavailable', message, { retryAfterSeconds: 10 })
      }),
    readWaitingSince: () =>
      run(lookupDeadlineMs, async () => {
        const { upToId } = await readFeedProgress(knex, getFeedTables(tableName))
        const first = await knex(tableName).where('id', '>', upToId).orderBy('id').first('received_at')
        return first && readTime(first.received_at)
      }),
  }
}

/** Returns whether rows that existed before the feed have no position yet. A purge may have deleted the last of them. */
async function hasUnnumberedRows(
  database: Knex,
  tableName: string,
  { upToId, existingUpToId }: FeedProgress,
): Promise<boolean> {
  if (upToId >= existingUpToId) return false
  const range = [upToId + 1, existingUpToId] as const
  return (await database(tableName).whereBetween('id', range).first('id')) !== undefined
}

type FoundRows = Omit<FeedPage, 'rows'> & { readonly rows: readonly SessionEnd[] }

interface SearchOptions {
  readonly after: FeedPosition
  readonly limit: number
  readonly signal: AbortSignal
}

/** Reads on until there are enough rows, the feed ends, or the time is over. */
async function search(
  database: Knex,
  tableName: string,
  selection: SessionEndSelection,
  { after, limit, signal }: SearchOptions,
): Promise<FoundRows> {
  const startedAt = performance.now()
  const rows: SessionEnd[] = []
  let next = after
  for (;;) {
    signal.throwIfAborted()
    const part = await readPart(database, tableName, selection, { after: next, limit: limit - rows.length })
    const elapsedMs = performance.now() - startedAt
    if (part === undefined) {
      if (elapsedMs > maxLagMs) throw createPositionError()
      await sleep(lagPollMs)
      continue
    }
    rows.push(...part.rows)
    next = part.next
    if (part.isAtEnd || rows.length >= limit || elapsedMs > maxSearchMs)
      return { rows, next, isAtEnd: part.isAtEnd }
  }
}

function createPositionError(): LapseError {
  return new LapseError(
    'position-unknown',
    'The feed ends before this position. If the database has just switched to a server that lags behind, try again later. If it was restored from a backup, start again from `beginning`, and ignore rows that you already have.',
  )
}

/**
 * Reads the rows of the next positions. The end and the rows come from one transaction, and so from one server: another
 * server of a cluster may not have the rows yet.
 *
 * @returns undefined if the feed ends before the position.
 */
function readPart(
  database: Knex,
  tableName: string,
  selection: SessionEndSelection,
  { after, limit }: Omit<SearchOptions, 'signal'>,
): Promise<FoundRows | undefined> {
  const tables = getFeedTables(tableName)
  return database.transaction(async (transaction) => {
    const { position: end } = await readFeedProgress(transaction, tables)
    if (after > end) return undefined
    // A purge may have deleted many positions.
    const first = await transaction(tables.feed)
      .where('position', '>', after)
      .min({ position: 'position' })
      .first()
    if (!first?.position) return { rows: [], next: end, isAtEnd: true }
    const upTo = Math.min(Number(first.position) + positionsPerQuery, end)
    const maxCandidates = distinguishesRevisions(selection) ? Math.max(limit, minCandidates) : limit
    const candidates: Record<string, unknown>[] = await transaction({ f: tables.feed })
      .select({ position: 'f.position', ...prefixedColumns })
      .join({ a: tables.audit }, 'a.id', 'f.audit_id')
      .modify(checkTime, database)
      .where('f.position', '>', after)
      .where('f.position', '<=', upTo)
      .modify(filterRowsOrCorrections, { database, tableName }, selection)
      .orderBy('f.position')
      .limit(maxCandidates)
    const matching = await dropUnrelatedCorrections(
      { database: transaction, tableName },
      selection,
      candidates,
    )
    const found = matching.slice(0, limit)
    const lastRow = found.length === limit ? found.at(-1) : candidates[maxCandidates - 1]
    const last = lastRow ? Number(lastRow.position) : upTo
    return {
      rows: found.map(({ position: _, ...row }) => toSessionEnd(row)),
      next: toFeedPosition(last),
      isAtEnd: last === end,
    }
  }, getSnapshot(database))
}
