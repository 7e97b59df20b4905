import type { Reason } from '../../domain/verdict.ts'
import { findStepStart } from '../../reading/pastLimit.ts'
import type { RowCount } from './rowCounts.ts'

/** Stands for a site in what all sites have together, so that a summary of them reads no more than that of one. */
export const allSites = ''

/** Names rows that are counted together: of one day (UTC) and alike, once for their site and once for all sites. */
export interface RollupKey extends Omit<RowCount<'day' | 'site' | 'evidence'>, 'count'> {
  readonly reason: Reason
}

export interface RollupDay extends RollupKey {
  /** The count of each quarter of an hour. */
  readonly quarters: number[]
  /** Counts by the beginnings of `pastLimitSteps`. */
  readonly pastLimit: Map<number, number>
}

/** The same as it is stored. */
export interface StoredDay extends RollupKey {
  /** JSON: 96 counts. */
  readonly quarters: string
  /** JSON: pairs of a step's beginning and its count. */
  readonly past_limit: string
}

export const quartersOfDay = 96
/** 9999-12-31, the last day that a `DATETIME` column holds. */
const lastDay = 2_932_896

/** @returns nothing where the cells are damaged, such as by a database that cut a long text short. */
export function readDay({ quarters, past_limit, ...key }: StoredDay): RollupDay | undefined {
  const counts = parseArray(quarters)
  const pairs = parseArray(past_limit)
  if (counts?.length !== quartersOfDay || !counts.every(isCount) || !pairs?.every(isPair)) return undefined
  const pastLimit = new Map<number, number>()
  // Earlier versions had other steps for the longest times, and no last one.
  for (const [seconds, count] of pairs) addTo(pastLimit, findStepStart(seconds), count)
  return { ...key, quarters: counts, pastLimit }
}

export function storedDay({ quarters, pastLimit, ...key }: RollupDay): StoredDay {
  const steps = [...pastLimit].filter(([, count]) => count !== 0)
  return { ...key, quarters: JSON.stringify(quarters), past_limit: JSON.stringify(steps) }
}

type QuarterCount = RowCount<'quarter' | 'site' | 'reason' | 'evidence'>
type StepCount = RowCount<'step' | 'day' | 'site' | 'evidence'>

/** The days of a rollup, by their keys. */
export class RollupDays {
  readonly #days = new Map<string, RollupDay>()
  /** How many rows `add` was given for each day. */
  readonly #added = new Map<string, number>()
  /** Days whose stored counts are damaged: count their rows again, and hand them to `restore`. */
  readonly damaged: readonly RollupKey[]

  constructor(stored: readonly StoredDay[]) {
    const damaged: RollupKey[] = []
    for (const each of stored) {
      const day = readDay(each)
      if (day) this.#days.set(keyOf(day), day)
      else damaged.push(each)
    }
    this.damaged = damaged
  }

  /** Takes the counts of all rows of a damaged day. */
  restore(
    key: RollupKey,
    quarters: readonly RowCount<'quarter'>[],
    steps: readonly RowCount<'step'>[],
  ): void {
    const day = this.#at(key)
    for (const { quarter, count } of quarters) day.quarters[quarter % quartersOfDay] = count
    for (const { step, count } of steps) day.pastLimit.set(step, count)
  }

  /**
   * Adds counts to those days that they belong to; `sign` is -1 to take them off.
   *
   * @returns how many rows were left out, because their detection is no time from 1970 to 9999.
   */
  add(quarters: readonly QuarterCount[], steps: readonly StepCount[], sign: 1 | -1): number {
    let leftOut = 0
    for (const { quarter, count, ...key } of quarters) {
      const day = dayOf(quarter)
      if (day === undefined) {
        leftOut += count
        continue
      }
      const index = quarter % quartersOfDay
      for (const site of sitesOf(key)) {
        const cell = this.#at({ ...key, site, day })
        cell.quarters[index] = Math.max(0, (cell.quarters[index] ?? 0) + sign * count)
        addTo(this.#added, keyOf(cell), count)
      }
    }
    for (const { step, count, ...key } of steps) {
      if (dayOf(key.day * quartersOfDay) === undefined) continue
      for (const site of sitesOf(key)) {
        const { pastLimit } = this.#at({ ...key, site, reason: 'idle_timeout' })
        pastLimit.set(step, Math.max(0, (pastLimit.get(step) ?? 0) + sign * count))
      }
    }
    return leftOut
  }

  /** How many rows `add` was given for a day. */
  addedTo(key: RollupKey): number {
    return this.#added.get(keyOf(key)) ?? 0
  }

  /** Those that have a row. */
  get counted(): RollupDay[] {
    return [...this.#days.values()].filter((day) => !isEmpty(day))
  }

  /** Those whose rows are all taken off. */
  get emptied(): RollupDay[] {
    return [...this.#days.values()].filter(isEmpty)
  }

  #at(key: RollupKey): RollupDay {
    const found = this.#days.get(keyOf(key))
    if (found) return found
    const { day, site, reason, evidence } = key
    const quarters = Array.from({ length: quartersOfDay }, () => 0)
    const made = { day, site, reason, evidence, quarters, pastLimit: new Map() }
    this.#days.set(keyOf(key), made)
    return made
  }
}

/** @returns nothing for a time that is not from 1970 to 9999: a database gives null or a negative number for it. */
export function dayOf(quarter: number | null): number | undefined {
  const day = quarter === null ? -1 : Math.floor(quarter / quartersOfDay)
  return day >= 0 && day <= lastDay ? day : undefined
}

const sitesOf = ({ site }: { readonly site: string }) => new Set([site, allSites])

const isEmpty = ({ quarters }: RollupDay) => quarters.every((count) => count === 0)

function keyOf({ day, site, reason, evidence }: RollupKey): string {
  return JSON.stringify([day, site, reason, evidence])
}

function addTo<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}

function parseArray(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isCount = (value: unknown): value is number => typeof value === 'number'

const isPair = (value: unknown): value is [seconds: number, count: number] =>
  Array.isArray(value) && value.length === 2 && value.every(isCount)
