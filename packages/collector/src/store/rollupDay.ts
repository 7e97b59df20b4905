import type { Reason } from '../lapse/verdict.ts'
import type { RowCount } from './rowCounts.ts'

/** Stands for a site in what all sites have together, so that a summary of them reads no more than that of one. */
export const allSites = ''

/** What the rows of a day (UTC) that are alike are counted in: once for their site, and once for all sites. */
export interface RollupDay extends Omit<RowCount<'day' | 'site' | 'evidence'>, 'count'> {
  readonly reason: Reason
  /** The count of each quarter of an hour. */
  readonly quarters: number[]
  /** Counts by the beginnings of `pastLimitSteps`. */
  readonly pastLimit: Map<number, number>
}

/** The same as it is stored. */
export interface StoredDay extends Omit<RollupDay, 'quarters' | 'pastLimit'> {
  /** JSON: 96 counts. */
  readonly quarters: string
  /** JSON: pairs of a step's beginning and its count. */
  readonly past_limit: string
}

export const quartersOfDay = 96

export function readDay({ quarters, past_limit, ...key }: StoredDay): RollupDay {
  return { ...key, quarters: JSON.parse(quarters), pastLimit: new Map(JSON.parse(past_limit)) }
}

export function storedDay({ quarters, pastLimit, ...key }: RollupDay): StoredDay {
  const steps = [...pastLimit].filter(([, count]) => count !== 0)
  return { ...key, quarters: JSON.stringify(quarters), past_limit: JSON.stringify(steps) }
}

/** Days by what their rows have in common. */
export class RollupDays {
  readonly #days = new Map<string, RollupDay>()

  constructor(stored: readonly StoredDay[]) {
    for (const day of stored) this.#days.set(keyOf(day), readDay(day))
  }

  /** Adds counts to those days that they belong to; `sign` is -1 to take them off. */
  add(
    quarters: readonly RowCount<'quarter' | 'site' | 'reason' | 'evidence'>[],
    steps: readonly RowCount<'step' | 'day' | 'site' | 'evidence'>[],
    sign: 1 | -1,
  ): void {
    for (const { quarter, count, ...key } of quarters) {
      const day = Math.floor(quarter / quartersOfDay)
      const index = quarter % quartersOfDay
      for (const site of [key.site, allSites]) {
        const counts = this.#at({ ...key, site, day }).quarters
        counts[index] = (counts[index] ?? 0) + sign * count
      }
    }
    for (const { step, count, ...key } of steps) {
      for (const site of [key.site, allSites]) {
        const { pastLimit } = this.#at({ ...key, site, reason: 'idle_timeout' })
        pastLimit.set(step, (pastLimit.get(step) ?? 0) + sign * count)
      }
    }
  }

  /** Those that have a row. */
  get counted(): RollupDay[] {
    return [...this.#days.values()].filter((day) => !isEmpty(day))
  }

  /** Those whose rows are all taken off. */
  get emptied(): RollupDay[] {
    return [...this.#days.values()].filter(isEmpty)
  }

  #at(key: Omit<RollupDay, 'quarters' | 'pastLimit'>): RollupDay {
    const found = this.#days.get(keyOf(key))
    if (found) return found
    const { day, site, reason, evidence } = key
    const quarters = Array.from({ length: quartersOfDay }, () => 0)
    const made = { day, site, reason, evidence, quarters, pastLimit: new Map() }
    this.#days.set(keyOf(key), made)
    return made
  }
}

const isEmpty = ({ quarters }: RollupDay) => quarters.every((count) => count === 0)

function keyOf({ day, site, reason, evidence }: Omit<RollupDay, 'quarters' | 'pastLimit'>): string {
  return JSON.stringify([day, site, reason, evidence])
}
