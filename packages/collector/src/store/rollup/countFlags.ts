import { dayMs } from '../../domain/durations.ts'
import { toRollupFilter } from '../../reading/rollupFilter.ts'
import type { Period } from '../../reading/summaryQuery.ts'
import type { FlagCounts } from '../../reading/summaryRepository.ts'
import { sumReasons } from '../../reading/tally.ts'
import { partDeadlineMs } from '../database/deadlines.ts'
import { nullIfTooSlow } from '../database/limitTime.ts'
import type { PeriodTallies, SummaryContext } from './countPeriod.ts'
import { type EpochSpan, splitSpan } from './epochSpan.ts'
import { type FlagDay, listChangedDays, type RowFlag, readFlagDays, rowFlags, toDayKey } from './flagDays.ts'
import { countFlaggedRows, countFlagsBySite, type FlagRequest } from './flagRows.ts'

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
      corrected: counts.corrected ?? 0,
      burst: counts.burst ?? 0,
      self_reported: countTallied('evidence', 'self_reported'),
      review: counts.review ?? 0,
    }
  )
}

/**
 * Counts flags by whole days where these are counted already, and otherwise from the rows.
 *
 * @returns null if this took too long.
 */
async function countRowFlags(
  context: SummaryContext,
  period: CountedPeriod,
  flags: readonly RowFlag[],
): Promise<RowFlagCounts | null> {
  const span = { from: period.from.getTime(), to: period.to.getTime() }
  const { days, rest } = (await readCountedDays(context, period, span)) ?? { days: [], rest: [span] }
  const counted: RowFlagCounts[] = [...days]
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
  if (flag === undefined || others.length > 0)
    return [...(await countFlagsBySite(transaction, tableName, request)).values()]
  return [{ [flag]: await countFlaggedRows(transaction, tableName, flag, request) }]
}

/** More days than these are not looked up one after the other, but in one query. */
const maxRestDays = 8
/** Until these are counted, looking for the days that they change would take longer than it saves. */
const maxUncountedRows = 50_000

interface CountedDays {
  readonly days: readonly FlagDay[]
  /** The parts of the span that are not counted. */
  readonly rest: readonly EpochSpan[]
}

/** @returns undefined if all rows have to be counted. */
async function readCountedDays(
  { transaction, tableName, filter }: SummaryContext,
  { rollup }: PeriodTallies,
  span: EpochSpan,
): Promise<CountedDays | undefined> {
  const { whole, edges } = splitSpan(span, dayMs)
  const limits = toRollupFilter(filter)
  if (!rollup?.sites || !whole || limits?.limitsKinds !== false) return undefined
  const { upToId, flagsUpToId } = rollup.progress
  if (upToId - flagsUpToId > maxUncountedRows) return undefined
  const rows = new Map<string, { site: string; day: number; count: number }>()
  for (const { site, day, quarterHours } of rollup.sites) {
    const each = rows.get(toDayKey({ site, day })) ?? { site, day, count: 0 }
    each.count += quarterHours.reduce((sum, count) => sum + count, 0)
    rows.set(toDayKey({ site, day }), each)
  }
  const sites = new Set([...rows.values()].map(({ site }) => site))
  const stored = await readFlagDays(transaction, tableName, [...sites], whole)
  const changed = await listChangedDays(transaction, tableName, (query, column) => {
    query.where(column, '>', flagsUpToId)
  })
  const changedKeys = new Set(changed.map(toDayKey))
  const days: FlagDay[] = []
  const restDays = new Set<number>(changed.filter(({ day }) => isIn(day, whole)).map(({ day }) => day))
  for (const [key, { day, count }] of rows) {
    if (!isIn(day, whole)) continue
    const counted = stored.get(key)
    // The number differs after a purge.
    if (!counted || counted.rows !== count || changedKeys.has(key)) restDays.add(day)
  }
  if (restDays.size > maxRestDays) return undefined
  for (const [key, { day }] of rows) {
    const counted = stored.get(key)
    if (counted && isIn(day, whole) && !restDays.has(day)) days.push(counted)
  }
  const rest = [...restDays].map((day) => ({ from: day * dayMs, to: (day + 1) * dayMs }))
  return { days, rest: [...edges, ...rest] }
}

const isIn = (day: number, { from, to }: EpochSpan) => day * dayMs >= from && (day + 1) * dayMs <= to
