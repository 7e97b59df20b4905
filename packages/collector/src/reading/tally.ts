import type { NewSessionEnd } from '../domain/sessionEnd.ts'
import type { Reason } from '../domain/verdict.ts'
import { countReturnedWithin, type PastLimitCounts } from './pastLimit.ts'

/** The number of ended sessions by reason. Reasons that did not occur are left out. */
export type ReasonCounts = Readonly<Partial<Record<Reason, number>>>

export interface BucketCounts {
  /** The start of the bucket, in epoch milliseconds. */
  readonly start: number
  readonly counts: ReasonCounts
}

/** What sessions have in common that are counted together. */
export interface Kind extends Pick<NewSessionEnd, 'site' | 'evidence'> {
  readonly reason: Reason
}

/** The number of ended sessions with one value of a property. */
export interface GroupCounts {
  readonly key: string | null
  readonly counts: ReasonCounts
}

/** The number of ended sessions of one site. */
export interface SiteCounts {
  readonly site: string
  readonly counts: ReasonCounts
  readonly pastLimit: PastLimitCounts
}

export interface Totals {
  readonly ended: number
  readonly idleTimeouts: number
  readonly returnedWithin10Minutes: number
}

/** Adds up the counts of a summary, in any order. */
export class Tally {
  /** The start of each bucket, in ascending epoch milliseconds. */
  readonly starts: readonly number[]
  readonly #buckets: Partial<Record<Reason, number>>[]
  readonly #kinds = new Map<string, Kind & { count: number }>()
  readonly #pastLimits = new Map<string, Map<number, number>>()

  constructor(starts: readonly number[]) {
    this.starts = starts
    this.#buckets = starts.map(() => ({}))
  }

  /** Adds sessions whose end was detected at `at`, in epoch milliseconds. */
  add(at: number, kind: Kind, count: number): void {
    this.addSeries(at, 1, kind, [count])
  }

  /**
   * Adds sessions by the time at which their end was detected.
   *
   * @param start the time of the first count, in epoch milliseconds.
   * @param stepMs the time from one count to the next.
   */
  addSeries(start: number, stepMs: number, kind: Kind, counts: readonly number[]): void {
    let index = this.#findBucket(start)
    let total = 0
    for (const [step, count] of counts.entries()) {
      const at = start + step * stepMs
      while (at >= (this.starts[index + 1] ?? Number.POSITIVE_INFINITY)) index += 1
      const bucket = this.#buckets[index]
      if (bucket && count !== 0) {
        bucket[kind.reason] = (bucket[kind.reason] ?? 0) + count
        total += count
      }
    }
    this.#addToKind(kind, total)
  }

  /**
   * Adds idle timeouts by when their users came back.
   *
   * @param seconds the start of a step in `pastLimitSteps`, or `notReturnedStep`.
   */
  addPastLimit(site: string, seconds: number, count: number): void {
    const counts = this.#pastLimits.get(site) ?? new Map<number, number>()
    this.#pastLimits.set(site, counts)
    counts.set(seconds, (counts.get(seconds) ?? 0) + count)
  }

  /** The buckets that are not empty. */
  get buckets(): BucketCounts[] {
    return this.#buckets
      .map((counts, index) => ({ start: this.starts[index] ?? 0, counts: omitZeros(counts) }))
      .filter(({ counts }) => Object.keys(counts).length > 0)
  }

  /** How long past the limit users came back, on all sites. */
  get pastLimit(): PastLimitCounts {
    const sum = new Map<number, number>()
    for (const counts of this.#pastLimits.values())
      for (const [seconds, count] of counts) sum.set(seconds, (sum.get(seconds) ?? 0) + count)
    return sum
  }

  get totals(): Totals {
    const counts = [...this.#kinds.values()]
    return {
      ended: sumCounts(counts),
      idleTimeouts: sumCounts(counts.filter(({ reason }) => reason === 'idle_timeout')),
      returnedWithin10Minutes: countReturnedWithin(this.pastLimit, 600),
    }
  }

  /** The sites with at least one ended session. */
  get sites(): SiteCounts[] {
    return this.groupBy('site').map(({ key, counts }) => {
      const site = key ?? ''
      return { site, counts, pastLimit: this.#pastLimits.get(site) ?? new Map() }
    })
  }

  /** The number of ended sessions by the values of a property. */
  groupBy(property: keyof Kind): GroupCounts[] {
    const groups = new Map<string, Partial<Record<Reason, number>>>()
    for (const { count, ...kind } of this.#kinds.values()) {
      const counts = groups.get(kind[property]) ?? {}
      groups.set(kind[property], counts)
      counts[kind.reason] = (counts[kind.reason] ?? 0) + count
    }
    return [...groups]
      .map(([key, counts]) => ({ key, counts: omitZeros(counts) }))
      .filter(({ counts }) => Object.keys(counts).length > 0)
  }

  #addToKind({ site, reason, evidence }: Kind, count: number): void {
    const key = JSON.stringify([site, reason, evidence])
    const known = this.#kinds.get(key)
    if (known) known.count += count
    else this.#kinds.set(key, { site, reason, evidence, count })
  }

  #findBucket(at: number): number {
    let low = 0
    let high = this.starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.starts[middle] ?? 0) <= at) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

export const sumReasons = (counts: ReasonCounts) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

const sumCounts = (counts: readonly { readonly count: number }[]) =>
  counts.reduce((sum, { count }) => sum + count, 0)

/** Sessions that were corrected are added first, and subtracted later. */
function omitZeros(counts: ReasonCounts): ReasonCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}
