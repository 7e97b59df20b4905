import { hourMs, quarterHourMs } from '../../domain/durations.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import type { FlagCounts } from '../../reading/summaryRepository.ts'
import { sumReasons } from '../../reading/tally.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { nullIfTooSlow } from '../database/limitTime.ts'
import { joinHours, listChangedHours } from './changedHours.ts'
import type { PeriodTallies, SummaryContext } from './countPeriod.ts'
import { type EpochSpan, splitSpan } from './epochSpan.ts'
import {
  createHours,
  type FlagDay,
  hoursPerDay,
  type RowFlag,
  readStoredFlags,
  rowFlags,
  toDayKey,
} from './flagDays.ts'
import { countFlaggedRows, countFlagHours, type FlagRequest } from './flagRows.ts'
import type { RollupDay } from './rollupDay.ts'

type CountedPeriod = Period & PeriodTallies

/** The number of rows with each flag. */
type RowFlagCounts = Readonly<Partial<Record<RowFlag, number>>>

/**
 * Counts the rows that `flag:review` finds.
 *
 * @returns null if this took too long.
 */
export async function countReview(context: SummaryContext, period: CountedPeriod): Promise<number | null> {
  return (await countRowFlags(context, period, ['review']))?.review ?? null
}

/**
 * Counts the rows with each flag, and those that `flag:review` finds.
 *
 * @returns null if this took too long.
 */
export async function countFlags(
  context: SummaryContext,
  period: CountedPeriod,
): Promise<(FlagCounts & { readonly review: number }) | null> {
  const counts = await countRowFlags(context, period, rowFlags)
  const countTallied = (property: 'reason' | 'evidence', value: string) =>
    sumReasons(period.tally.groupBy(property).find(({ key }) => key === value)?.counts ?? {})
  return (
    counts && {
      clock_anomaly: countTallied('reason', 'clock_anomaly'),
      skew: counts.skew ?? 0,
      late: counts.late ?? 0,
      conflict: counts.conflict ?? 0,
      correction: counts.correction ?? 0,
      burst: counts.burst ?? 0,
      self_reported: countTallied('evidence', 'self_reported'),
      review: counts.review ?? 0,
    }
  )
}

/**
 * Counts flags by whole hours where these are counted already, and otherwise from the rows.
 *
 * @returns null if this took too long.
 */
async function countRowFlags(
  context: SummaryContext,
  period: CountedPeriod,
  flags: readonly RowFlag[],
): Promise<RowFlagCounts | null> {
  const span = { from: period.from.getTime(), to: period.to.getTime() }
  const { hours, rest } = (await readCountedHours(context, period, span)) ?? { hours: [], rest: [span] }
  const counted: RowFlagCounts[] = [...hours]
  const deadline = performance.now() + partDeadlineMs
  for (const { from, to } of rest) {
    context.signal.throwIfAborted()
    const filter = { ...context.filter, from: new Date(from), to: new Date(to) }
    const timeLimitMs = Math.max(1, deadline - performance.now())
    const counts = await nullIfTooSlow(countRows(context, flags, { filter, timeLimitMs }))
    if (!counts) return null
    counted.push(...counts)
  }
  return Object.fromEntries(
    flags.map((flag) => [flag, counted.reduce((sum, counts) => sum + (counts[flag] ?? 0), 0)]),
  )
}

async function countRows(
  { transaction, tableName }: SummaryContext,
  flags: readonly RowFlag[],
  request: FlagRequest,
): Promise<RowFlagCounts[]> {
  const [flag, ...others] = flags
  if (flag === undefined || others.length > 0) return countFlagHours(transaction, tableName, request)
  return [{ [flag]: await countFlaggedRows(transaction, tableName, flag, request) }]
}

/** If more hours than these are not counted, all rows are counted in one query. */
const maxRestHours = 72
/** Until these are counted, looking for the hours that they change would take longer than it saves. */
const maxUncountedRows = 50_000

interface CountedHours {
  readonly hours: readonly RowFlagCounts[]
  /** The parts of the span that are not counted. */
  readonly rest: readonly EpochSpan[]
}

/** @returns undefined if all rows have to be counted. */
async function readCountedHours(
  { transaction, tableName, filter }: SummaryContext,
  { rollup }: PeriodTallies,
  span: EpochSpan,
): Promise<CountedHours | undefined> {
  const { whole, edges } = splitSpan(span, hourMs)
  if (!rollup?.sites || !whole || toRollupFilter(filter)?.limitsKinds !== false) return undefined
  const { upToId, flagsUpToId } = rollup.progress
  if (upToId - flagsUpToId > maxUncountedRows) return undefined
  const rows = countRowsByDay(rollup.sites)
  const sites = new Set([...rows.values()].map(({ site }) => site))
  const { days, outdated } = await readStoredFlags(transaction, tableName, [...sites], whole)
  const changed = await listChangedHours(transaction, tableName, (query, column) => {
    query.where(column, '>', flagsUpToId)
  })
  const isWhole = (hour: number) => hour * hourMs >= whole.from && (hour + 1) * hourMs <= whole.to
  const rest = new Set([...changed].filter(isWhole))
  const counted: { readonly hour: number; readonly counts: RowFlagCounts }[] = []
  for (const [key, { day, hourly }] of rows) {
    const flagDay = days.get(key)
    for (const [index, count] of hourly.entries()) {
      const hour = day * hoursPerDay + index
      if (count === 0 || !isWhole(hour)) continue
      // The number differs if the hour was never counted.
      if (flagDay?.rows[index] === count && !outdated.has(hour))
        counted.push({ hour, counts: readHour(flagDay, index) })
      else rest.add(hour)
    }
  }
  if (rest.size > maxRestHours) return undefined
  const hours = counted.filter(({ hour }) => !rest.has(hour)).map(({ counts }) => counts)
  return { hours, rest: [...edges, ...joinHours(rest)] }
}

/** Counts the rows of each site and day by hour. */
function countRowsByDay(days: readonly RollupDay[]) {
  const rows = new Map<string, { readonly site: string; readonly day: number; readonly hourly: number[] }>()
  for (const { site, day, quarterHours } of days) {
    const key = toDayKey({ site, day })
    const each = rows.get(key) ?? { site, day, hourly: createHours() }
    rows.set(key, each)
    for (const [quarter, count] of quarterHours.entries()) {
      const hour = Math.floor(quarter / quartersPerHour)
      each.hourly[hour] = (each.hourly[hour] ?? 0) + count
    }
  }
  return rows
}

const quartersPerHour = hourMs / quarterHourMs

const readHour = (day: FlagDay, index: number): RowFlagCounts =>
  Object.fromEntries(rowFlags.map((flag) => [flag, day[flag][index] ?? 0]))
