import type { Knex } from 'knex'
import { type Reason, reasons } from '../../domain/verdict.ts'
import type { Grouping, Period } from '../../reading/summaryQuery.ts'
import type { SummaryGroup } from '../../reading/summaryRepository.ts'
import { type GroupCounts, sumReasons } from '../../reading/tally.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { selectCurrent } from '../audit/selectCurrent.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { limitTime, nullIfTooSlow } from '../database/limitTime.ts'
import { type PeriodTallies, type SummaryContext, selectRowsIn } from './countPeriod.ts'

interface GroupRequest {
  readonly groupBy: Grouping
  /** The maximum number of groups. */
  readonly top: number
  readonly current: Period & PeriodTallies
  readonly previous: (Period & PeriodTallies) | undefined
}

/**
 * Counts the rows of the biggest groups, biggest first.
 *
 * @returns null if this took too long.
 */
export function countGroups(
  context: SummaryContext,
  { groupBy, ...request }: GroupRequest,
): Promise<SummaryGroup[] | null> {
  return groupBy === 'subject' || groupBy === 'origin'
    ? nullIfTooSlow(countRowGroups(context, groupBy, request))
    : Promise.resolve(pickTallied(groupBy, request))
}

type KindProperty = Exclude<Grouping, RowProperty>

function pickTallied(
  property: KindProperty,
  { top, current, previous }: Omit<GroupRequest, 'groupBy'>,
): SummaryGroup[] | null {
  // Only the tallies of sites tell sites apart.
  const choose = ({ tally, siteTally }: PeriodTallies) => (property === 'site' ? siteTally : tally)
  const groups = choose(current)?.groupBy(property)
  const previousGroups = previous && choose(previous)?.groupBy(property)
  if (!groups || (previous && !previousGroups)) return null
  const counts = new Map(previousGroups?.map((group) => [group.key, sumReasons(group.counts)]))
  return sortGroups(groups)
    .slice(0, top)
    .map((group) => ({ ...group, ...(previous && { previousCount: counts.get(group.key) ?? 0 }) }))
}

/** Sorts the biggest first, and equal ones by their key, so that their order does not change. */
function sortGroups(groups: readonly GroupCounts[]) {
  return groups
    .map((group) => ({ ...group, count: sumReasons(group.counts) }))
    .sort((a, b) => b.count - a.count || (String(a.key) < String(b.key) ? -1 : 1))
}

/** The properties that the rollup does not count by. */
type RowProperty = 'subject' | 'origin'

async function countRowGroups(
  context: SummaryContext,
  property: RowProperty,
  { top, current, previous }: Omit<GroupRequest, 'groupBy'>,
): Promise<SummaryGroup[]> {
  const found: ({ readonly key: string | null } & Readonly<Record<Reason, number>>)[] = await selectGroups(
    context,
    property,
    current,
  )
    .select(reasons.map((reason) => sumOf(context.transaction, reason)))
    // By number, because MySQL would look for columns with these names.
    .orderByRaw('2 desc, 1')
    .limit(top)
  const groups = found.map(({ key, ...counts }) => ({ key, ...toCounts(counts) }))
  if (!previous || groups.length === 0) return groups
  const keys = groups.map(({ key }) => key)
  const counted: { readonly key: string | null; readonly count: number }[] = await selectGroups(
    context,
    property,
    previous,
  ).where((either) => {
    const known = keys.filter((key) => key !== null)
    if (known.length > 0) either.whereIn(`a.${property}`, known)
    if (known.length < keys.length) either.orWhereNull(`a.${property}`)
  })
  const previousCounts = new Map(counted.map(({ key, count }) => [key, Number(count)]))
  return groups.map((group) => ({ ...group, previousCount: previousCounts.get(group.key) ?? 0 }))
}

/** Selects the key of each group and its count. */
function selectGroups(
  context: SummaryContext,
  property: RowProperty,
  { from, to }: Period,
): Knex.QueryBuilder {
  const { transaction, tableName } = context
  context.signal.throwIfAborted()
  return limitTime(transaction({ a: tableName }), transaction, partDeadlineMs)
    .select({ key: `a.${property}` })
    .count({ count: '*' })
    .modify(selectRowsIn(context, { from: from.getTime(), to: to.getTime() }))
    .modify(selectCurrent, tableName)
    .modify(excludeSelftests)
    .groupBy(`a.${property}`)
}

const sumOf = (database: Knex, reason: Reason) =>
  database.raw('sum(case when a.reason = ? then 1 else 0 end) as ??', [reason, reason])

/** MySQL returns sums as text. */
function toCounts(sums: Readonly<Record<string, unknown>>): Omit<SummaryGroup, 'key'> {
  const counts = Object.fromEntries(
    reasons.map((reason) => [reason, Number(sums[reason])]).filter(([, count]) => count !== 0),
  )
  return { count: Number(sums.count), counts }
}
