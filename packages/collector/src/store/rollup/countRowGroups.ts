import type { Knex } from 'knex'
import { type Reason, reasons } from '../../domain/verdict.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import type { SummaryGroup } from '../../reading/summaryRepository.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { groupDeadlineMs } from '../database/deadlines.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { limitTime } from '../database/limitTime.ts'
import { splitTableName } from '../database/tableName.ts'
import { isSelective, type SummaryContext, selectRowsIn } from './countPeriod.ts'

/** The properties that the rollup does not count by. */
export type RowProperty = 'subject' | 'origin'

type Key = string | null

/**
 * Counts the rows of the biggest groups, biggest first.
 *
 * @throws an error that `isTimeout` recognizes if this takes too long.
 */
export async function countRowGroups(
  context: SummaryContext,
  property: RowProperty,
  period: Period,
  top: number,
): Promise<SummaryGroup[]> {
  // An index has the user of each row, but not whether the row is current.
  if (property === 'subject' && !isSelective(context.filter)) return countTopUsers(context, period, top)
  return readGroups(selectGroups(context, property, period).limit(top))
}

/** Counts the rows of groups, in any order. */
export async function countKnownGroups(
  context: SummaryContext,
  property: RowProperty,
  period: Period,
  keys: readonly Key[],
): Promise<SummaryGroup[]> {
  if (keys.length === 0) return []
  const { knownSource } = isSqlite(context.transaction) ? sqlite : mysql
  const source = property === 'subject' && !isSelective(context.filter) ? knownSource : undefined
  return readGroups(selectGroups(context, property, period, source).modify(selectKeys, `a.${property}`, keys))
}

/** How many more groups of users than requested are counted exactly at first. */
const moreUsers = 20
/** If more would be needed, most rows were corrected, and counting all users exactly is as fast. */
const maxExaminedUsers = 2_000

/**
 * Counts the rows of the users with the most rows. First it estimates all from an index, without checking whether the
 * rows were corrected or belong to a self-test, so no estimate is too low. Then it counts those with the highest
 * estimates exactly, until the estimates of the others show that they cannot have more.
 */
async function countTopUsers(context: SummaryContext, period: Period, top: number): Promise<SummaryGroup[]> {
  const { bucket, exactSource } = isSqlite(context.transaction) ? sqlite : mysql
  for (let examined = top + moreUsers; examined <= maxExaminedUsers; examined *= 4) {
    // One more, whose estimate is the limit of all that are not examined.
    const estimates = await estimateUsers(context, period, examined + 1)
    const keys = estimates.slice(0, examined).map(({ key }) => key)
    if (keys.length === 0) return []
    const exact = selectGroups(context, 'subject', period, exactSource).modify(selectKeys, bucket, keys)
    const groups = (await readGroups(exact)).slice(0, top)
    const next = Number(estimates[examined]?.count ?? 0)
    const last = groups.length < top ? 0 : (groups.at(-1)?.count ?? 0)
    if (last >= next) return groups
  }
  return readGroups(selectGroups(context, 'subject', period).limit(top))
}

interface Dialect {
  /** The expression that users are grouped by. Users of one group are never in another. */
  readonly bucket: string
  /** The optimizers would rather read all rows in the order of the users. */
  readonly source: string
  /** How the rows of some groups of users are found. */
  readonly exactSource: string
  /** How the rows of some users are found. */
  readonly knownSource: string
}

const sqlite: Dialect = {
  bucket: 'a.subject',
  source: ':audit: as a indexed by :index:',
  // SQLite would rather read all rows with the reason of the filter.
  exactSource: ':audit: as a indexed by :userIndex:',
  knownSource: ':audit: as a indexed by :userIndex:',
}

const mysql: Dialect = {
  // Temporary tables reserve space for the longest text: MariaDB took ten times as long to group by the text itself.
  bucket: 'crc32(a.subject)',
  source: ':audit: as a force index (:index:)',
  exactSource: ':audit: as a force index (:index:)',
  knownSource: ':audit: as a',
}

function estimateUsers(
  context: SummaryContext,
  period: Period,
  limit: number,
): Promise<{ readonly key: Key | number; readonly count: number }[]> {
  const { transaction } = context
  const { bucket, source } = isSqlite(transaction) ? sqlite : mysql
  return selectRows(context, period, source)
    .select({ key: transaction.raw(bucket) })
    .count({ count: '*' })
    .groupByRaw('1')
    .orderByRaw('2 desc, 1')
    .limit(limit)
}

function selectRows(
  context: SummaryContext,
  { from, to }: Period,
  source = ':audit: as a',
): Knex.QueryBuilder {
  const { transaction, tableName, signal } = context
  signal.throwIfAborted()
  const { table } = splitTableName(tableName)
  const names = { audit: tableName, index: `${table}_by_time_user`, userIndex: `${table}_by_subject` }
  return limitTime(transaction.from(transaction.raw(source, names)), transaction, groupDeadlineMs).modify(
    selectRowsIn(context, { from: from.getTime(), to: to.getTime() }),
  )
}

/** Selects the key of each group and its counts, biggest first. */
function selectGroups(
  context: SummaryContext,
  property: RowProperty,
  period: Period,
  source?: string,
): Knex.QueryBuilder {
  const { transaction, tableName } = context
  return (
    selectRows(context, period, source)
      .select({ key: `a.${property}` })
      .count({ count: '*' })
      .select(reasons.map((reason) => sumOf(transaction, reason)))
      .modify(excludeSelftests)
      .modify(selectCurrent, tableName)
      .groupBy(`a.${property}`)
      // By number, because MySQL would look for columns with these names.
      .orderByRaw('2 desc, 1')
  )
}

/** Selects the rows for which an expression has one of the values. */
function selectKeys(query: Knex.QueryBuilder, expression: string, keys: readonly (Key | number)[]): void {
  const known = keys.filter((key) => key !== null)
  query.where((either) => {
    if (known.length > 0) either.whereRaw(`${expression} in (${known.map(() => '?').join(', ')})`, known)
    if (known.length < keys.length) either.orWhereRaw(`${expression} is null`)
  })
}

const sumOf = (database: Knex, reason: Reason) =>
  database.raw('sum(case when a.reason = ? then 1 else 0 end) as ??', [reason, reason])

async function readGroups(query: Knex.QueryBuilder): Promise<SummaryGroup[]> {
  const found: { readonly key: Key; readonly [sum: string]: unknown }[] = await query
  return found.map(({ key, count, ...sums }) => ({
    key,
    // MySQL returns sums as text.
    count: Number(count),
    counts: Object.fromEntries(
      reasons.map((reason) => [reason, Number(sums[reason])]).filter(([, sum]) => sum !== 0),
    ),
  }))
}

/** Sorts the biggest first, and equal ones by their key, so that their order does not change. */
export function sortGroups<Group extends Pick<SummaryGroup, 'key' | 'count'>>(
  groups: readonly Group[],
): Group[] {
  return groups.toSorted((a, b) => b.count - a.count || (String(a.key) < String(b.key) ? -1 : 1))
}
