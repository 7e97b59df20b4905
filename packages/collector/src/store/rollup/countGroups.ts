import type { Grouping, Period } from '../../reading/summaryQuery.ts'
import type { SummaryGroup } from '../../reading/summaryRepository.ts'
import { sumReasons } from '../../reading/tally.ts'
import { nullIfTooSlow } from '../database/limitTime.ts'
import type { PeriodTallies, SummaryContext } from './countPeriod.ts'
import { countKnownGroups, countRowGroups, type RowProperty, sortGroups } from './countRowGroups.ts'

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
    ? nullIfTooSlow(countFromRows(context, groupBy, request))
    : Promise.resolve(pickTallied(groupBy, request))
}

function pickTallied(
  property: Exclude<Grouping, RowProperty>,
  { top, current, previous }: Omit<GroupRequest, 'groupBy'>,
): SummaryGroup[] | null {
  // Only the tallies of sites tell sites apart.
  const choose = ({ tally, siteTally }: PeriodTallies) => (property === 'site' ? siteTally : tally)
  const groups = choose(current)?.groupBy(property)
  const previousGroups = previous && choose(previous)?.groupBy(property)
  if (!groups || (previous && !previousGroups)) return null
  const counted = groups.map((group) => ({ ...group, count: sumReasons(group.counts) }))
  const previousCounts = new Map(previousGroups?.map(({ key, counts }) => [key, sumReasons(counts)]))
  return sortGroups(counted)
    .slice(0, top)
    .map((group) => ({ ...group, ...(previous && { previousCount: previousCounts.get(group.key) ?? 0 }) }))
}

async function countFromRows(
  context: SummaryContext,
  property: RowProperty,
  { top, current, previous }: Omit<GroupRequest, 'groupBy'>,
): Promise<SummaryGroup[]> {
  const groups = await countRowGroups(context, property, current, top)
  if (!previous) return groups
  const keys = groups.map(({ key }) => key)
  const before = await countKnownGroups(context, property, previous, keys)
  const previousCounts = new Map(before.map(({ key, count }) => [key, count]))
  return groups.map((group) => ({ ...group, previousCount: previousCounts.get(group.key) ?? 0 }))
}
