import type { Knex } from 'knex'
import { isSqlite } from '../database/isSqlite.ts'
import { padValues } from '../database/padValues.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { getFeedTables, lockFeed, readFeedProgress } from './feedTables.ts'
import { orderByCorrection, type UnnumberedRow } from './orderByCorrection.ts'

/** The rows of one transaction. It takes milliseconds: in embedded SQLite, a transaction blocks all other writers. */
const chunkRows = 1_000

/** Ids of the audit table: `after` is exclusive, `upTo` is inclusive. */
export interface IdRange {
  readonly after: number
  readonly upTo: number
}

/**
 * Gives a position to the rows above those that have one already, or to rows in a range that were committed late. It is
 * one transaction, which numbers a limited number of rows.
 *
 * Any number of processes may do this at the same time: each transaction locks the progress first, and then sees what
 * the others have numbered. Positions have no gaps, and become visible in their order.
 *
 * @param range the ids of late rows. Without it, all ids above the progress.
 * @returns whether more rows may be left.
 */
export function numberChunk(database: Knex, tableName: string, range?: IdRange): Promise<boolean> {
  const tables = getFeedTables(tableName)
  return runTransaction(database, async (transaction) => {
    await lockFeed(transaction, tables)
    const { position, upToId } = await readFeedProgress(transaction, tables)
    const after = range?.after ?? upToId
    const found = await readUnnumbered(transaction, tableName, { after, upTo: range?.upTo }, chunkRows)
    const hasMore = found.length === chunkRows
    // Rows that were numbered early, before the rows that correct them, do not stop the progress.
    const last = range ? upToId : hasMore ? found.at(-1)?.id : await readMaxId(transaction, tableName)
    const ids = orderByCorrection(await addCorrectedRows(transaction, tableName, found))
    await insertPositions(transaction, tables.feed, position, ids)
    await transaction(tables.progress).update({
      position: position + ids.length,
      up_to_id: Math.max(upToId, last ?? 0),
    })
    return hasMore
  })
}

/** Finds rows without a position, lowest id first. */
export async function readUnnumbered(
  database: Knex,
  tableName: string,
  { after, upTo }: { readonly after: number; readonly upTo?: number | undefined },
  limit: number,
): Promise<UnnumberedRow[]> {
  const query = selectUnnumbered(database, tableName).where('a.id', '>', after).orderBy('a.id').limit(limit)
  if (upTo !== undefined) query.where('a.id', '<=', upTo)
  return readRows(query)
}

async function readMaxId(database: Knex, tableName: string): Promise<number> {
  const row = await database(tableName).max({ id: 'id' }).first()
  return Number(row?.id ?? 0)
}

function selectUnnumbered(database: Knex, tableName: string): Knex.QueryBuilder {
  const { audit, feed } = getFeedTables(tableName)
  return database({ a: audit })
    .select('a.id', 'a.supersedes')
    .leftJoin({ f: feed }, 'f.audit_id', 'a.id')
    .whereNull('f.audit_id')
}

async function readRows(query: Knex.QueryBuilder): Promise<UnnumberedRow[]> {
  const rows: { id: number | string; supersedes: number | string | null }[] = await query
  return rows.map(({ id, supersedes }) => ({
    id: Number(id),
    supersedes: supersedes === null ? null : Number(supersedes),
  }))
}

/**
 * Adds the rows that these rows correct, directly or through another row, and that have no position yet: they were
 * committed late, or have a higher id.
 */
async function addCorrectedRows(
  database: Knex,
  tableName: string,
  rows: readonly UnnumberedRow[],
): Promise<UnnumberedRow[]> {
  const all = new Map(rows.map((row) => [row.id, row]))
  let latest = rows
  for (;;) {
    const corrected = latest.flatMap(({ supersedes }) =>
      supersedes === null || all.has(supersedes) ? [] : [supersedes],
    )
    if (corrected.length === 0) return [...all.values()]
    latest = await readRows(selectUnnumbered(database, tableName).whereIn('a.id', padValues(corrected)))
    for (const row of latest) all.set(row.id, row)
  }
}

/** Adds the rows to the feed. One parameter contains all ids, so all chunks use the same statement. */
async function insertPositions(
  transaction: Knex.Transaction,
  feed: string,
  position: number,
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) return
  const numbered = isSqlite(transaction)
    ? 'select ? + 1 + key, value from json_each(?)'
    : "select ? + ordinal, id from json_table(?, '$[*]' columns (ordinal for ordinality, id bigint path '$')) as numbered"
  await transaction.raw(`insert into ?? (position, audit_id) ${numbered}`, [
    feed,
    position,
    JSON.stringify(ids),
  ])
}
