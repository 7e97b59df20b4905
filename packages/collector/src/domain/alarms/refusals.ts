import { quarterHourMs } from '../durations.ts'
import { toQuarterHour } from './quarterHourCounts.ts'

/** Why reports were refused: their page's origin is not listed, or their ticket did not verify. */
export type RefusalKind = 'origin' | 'ticket'

/** Reports of a site that were refused in one quarter of an hour. */
export interface RefusalCount {
  readonly site: string
  readonly kind: RefusalKind
  /** For the kind `origin`: the refused origin, `null` for an opaque one, `invalid` or `other`. Otherwise empty. */
  readonly origin: string
  /** See `toQuarterHour`. */
  readonly quarterHour: number
  readonly count: number
}

/**
 * How many refused reports of the last hour raise an alarm. A page with a wrong configuration soon has more: each of
 * its users repeats the report on every page. Old copies of pages and scanners have fewer.
 */
const minRefusals = 20
const windowQuarterHours = 4

/** Many refused reports of one kind. */
export interface ManyRefusals {
  readonly site: string
  readonly kind: RefusalKind
  /** The start of the window, in epoch milliseconds. */
  readonly since: number
  readonly count: number
  /** The origin with the most refused reports. Empty for tickets. */
  readonly topOrigin: string
}

/** Returns the first quarter of an hour that `findManyRefusals` considers. */
export function getFirstRefusalQuarterHour(now: number): number {
  return toQuarterHour(now) - windowQuarterHours
}

/**
 * Finds the sites for which at least 20 reports were refused in the last hour, by kind. The hour consists of the current
 * quarter of an hour and the four before it.
 *
 * @param now epoch milliseconds
 */
export function findManyRefusals(counts: readonly RefusalCount[], now: number): ManyRefusals[] {
  const from = getFirstRefusalQuarterHour(now)
  const recent = counts.filter(({ quarterHour }) => quarterHour >= from)
  const groups = Map.groupBy(recent, ({ site, kind }) => JSON.stringify([site, kind]))
  return Array.from(groups.values(), summarizeRefusals).flatMap((summary) =>
    summary && summary.count >= minRefusals ? [{ ...summary, since: from * quarterHourMs }] : [],
  )
}

function summarizeRefusals(group: readonly RefusalCount[]): Omit<ManyRefusals, 'since'> | undefined {
  const [first] = group
  if (!first) return undefined
  const byOrigin = new Map<string, number>()
  for (const { origin, count } of group) byOrigin.set(origin, (byOrigin.get(origin) ?? 0) + count)
  const [top] = [...byOrigin].sort(([, a], [, b]) => b - a)
  const { site, kind } = first
  return { site, kind, count: sum([...byOrigin.values()]), topOrigin: top?.[0] ?? '' }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
