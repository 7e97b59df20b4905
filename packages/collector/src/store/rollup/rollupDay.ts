import { dayMs, quarterHourMs } from '../../domain/durations.ts'
import { parseJson } from '../../domain/text/parseJson.ts'
import { maxEpochMs } from '../../domain/validation/fieldSchemas.ts'
import type { Reason } from '../../domain/verdict.ts'
import { computeStepStart } from '../../reading/pastLimit.ts'
import type { RowCount } from './rowCounts.ts'

/**
 * The site of the counts of all sites together, so that a summary of all sites reads no more than one of a single site.
 */
export const allSites = ''

/** Rows with the same day (UTC), site, reason and evidence are counted together. */
export interface RollupKey extends Omit<RowCount<'day' | 'site' | 'evidence'>, 'count'> {
  readonly reason: Reason
}

export interface RollupDay extends RollupKey {
  /** The number of rows in each quarter of an hour. */
  readonly quarterHours: number[]
  /** The number of rows by the start of their step, see `PastLimitCounts`. */
  readonly pastLimit: Map<number, number>
}

/** A `RollupDay` as the rollup table stores it. */
export interface StoredDay extends RollupKey {
  /** JSON: 96 counts. */
  readonly quarters: string
  /** JSON: pairs of a step's start and its count. */
  readonly past_limit: string
}

export const quarterHoursPerDay = dayMs / quarterHourMs
/** The last day that a `DATETIME` column can store. */
const lastDayNumber = Math.floor(maxEpochMs / dayMs)

/** @returns undefined if the stored counts are damaged, for example truncated by the database. */
export function parseDay({ quarters, past_limit, ...key }: StoredDay): RollupDay | undefined {
  const counts = parseArray(quarters)
  const pairs = parseArray(past_limit)
  if (counts?.length !== quarterHoursPerDay || !counts.every(isCount) || !pairs?.every(isPair))
    return undefined
  const pastLimit = new Map<number, number>()
  // Earlier versions used other steps for the longest times.
  for (const [seconds, count] of pairs) addToCount(pastLimit, computeStepStart(seconds), count)
  return { ...key, quarterHours: counts, pastLimit }
}

export function serializeDay({ quarterHours, pastLimit, ...key }: RollupDay): StoredDay {
  const steps = [...pastLimit].filter(([, count]) => count !== 0)
  return { ...key, quarters: JSON.stringify(quarterHours), past_limit: JSON.stringify(steps) }
}

type QuarterHourCount = RowCount<'quarterHour' | 'site' | 'reason' | 'evidence'>
type StepCount = RowCount<'step' | 'day' | 'site' | 'evidence'>

/** The days that one change of the rollup affects. */
export class RollupDays {
  readonly #days = new Map<string, RollupDay>()
  readonly #added = new Map<string, number>()
  /** Days whose stored counts are damaged. Their rows must be counted again and passed to `restore`. */
  readonly damaged: readonly RollupKey[]

  constructor(stored: readonly StoredDay[]) {
    const damaged: RollupKey[] = []
    for (const storedDay of stored) {
      const day = parseDay(storedDay)
      if (day) this.#days.set(serializeKey(day), day)
      else damaged.push(storedDay)
    }
    this.damaged = damaged
  }

  /** Sets the counts of a damaged day. */
  restore(
    key: RollupKey,
    quarterHours: readonly RowCount<'quarterHour'>[],
    steps: readonly RowCount<'step'>[],
  ): void {
    const day = this.#getOrCreate(key)
    for (const { quarterHour, count } of quarterHours)
      day.quarterHours[quarterHour % quarterHoursPerDay] = count
    for (const { step, count } of steps) day.pastLimit.set(step, count)
  }

  /**
   * Adds counts to their days, or subtracts them if `sign` is -1.
   *
   * @returns the number of rows that were skipped because they were not detected between 1970 and 9999.
   */
  add(quarterHours: readonly QuarterHourCount[], steps: readonly StepCount[], sign: 1 | -1): number {
    let skippedRows = 0
    for (const { quarterHour, count, ...key } of quarterHours) {
      const day = getDayNumber({ quarterHour })
      if (day === undefined) {
        skippedRows += count
        continue
      }
      const index = quarterHour % quarterHoursPerDay
      for (const site of withAllSites(key.site)) {
        const rollupDay = this.#getOrCreate({ ...key, site, day })
        rollupDay.quarterHours[index] = Math.max(0, (rollupDay.quarterHours[index] ?? 0) + sign * count)
        addToCount(this.#added, serializeKey(rollupDay), count)
      }
    }
    for (const { step, count, ...key } of steps) {
      if (getDayNumber(key) === undefined) continue
      for (const site of withAllSites(key.site)) {
        const { pastLimit } = this.#getOrCreate({ ...key, site, reason: 'idle_timeout' })
        pastLimit.set(step, Math.max(0, (pastLimit.get(step) ?? 0) + sign * count))
      }
    }
    return skippedRows
  }

  /** The number of rows that `add` added to a day or subtracted from it. */
  countChanged(key: RollupKey): number {
    return this.#added.get(serializeKey(key)) ?? 0
  }

  get nonEmpty(): RollupDay[] {
    return [...this.#days.values()].filter((day) => !isEmpty(day))
  }

  get empty(): RollupDay[] {
    return [...this.#days.values()].filter(isEmpty)
  }

  #getOrCreate(key: RollupKey): RollupDay {
    const existing = this.#days.get(serializeKey(key))
    if (existing) return existing
    const { day, site, reason, evidence } = key
    const quarterHours = Array.from({ length: quarterHoursPerDay }, () => 0)
    const created = { day, site, reason, evidence, quarterHours, pastLimit: new Map() }
    this.#days.set(serializeKey(key), created)
    return created
  }
}

/** @returns undefined if the time is not between 1970 and 9999. Databases then return null or a negative number. */
export function getDayNumber(
  count: { readonly quarterHour: number | null } | { readonly day: number | null },
): number | undefined {
  const day =
    'day' in count
      ? count.day
      : count.quarterHour === null
        ? null
        : Math.floor(count.quarterHour / quarterHoursPerDay)
  return day !== null && day >= 0 && day <= lastDayNumber ? day : undefined
}

const withAllSites = (site: string) => new Set([site, allSites])

const isEmpty = ({ quarterHours }: RollupDay) => quarterHours.every((count) => count === 0)

function serializeKey({ day, site, reason, evidence }: RollupKey): string {
  return JSON.stringify([day, site, reason, evidence])
}

function addToCount<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

function parseArray(text: string): unknown[] | undefined {
  const value = parseJson(text)
  return Array.isArray(value) ? value : undefined
}

const isCount = (value: unknown): value is number => typeof value === 'number'

const isPair = (value: unknown): value is [seconds: number, count: number] =>
  Array.isArray(value) && value.length === 2 && value.every(isCount)
