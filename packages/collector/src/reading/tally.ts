import type { Reason } from '../domain/verdict.ts'
import type { PastLimitCounts } from './pastLimit.ts'

/** The number of ended sessions in one bucket, by reason. Reasons that did not occur are left out. */
export interface BucketCounts {
  /** The start of the bucket, in epoch milliseconds. */
  readonly start: number
  readonly counts: Readonly<Partial<Record<Reason, number>>>
}

/** Adds up the counts of a summary, in any order. */
export class Tally {
  /** The start of each bucket, in ascending epoch milliseconds. */
  readonly starts: readonly number[]
  readonly #counts: Partial<Record<Reason, number>>[]
  readonly #pastLimit = new Map<number, number>()

  constructor(starts: readonly number[]) {
    this.starts = starts
    this.#counts = starts.map(() => ({}))
  }

  /** Adds sessions whose end was detected at `at`, in epoch milliseconds. */
  add(at: number, reason: Reason, count: number): void {
    const counts = this.#counts[this.#findBucket(at)]
    if (counts) counts[reason] = (counts[reason] ?? 0) + count
  }

  /**
   * Adds idle timeouts by when their users came back.
   *
   * @param seconds the start of a step in `pastLimitSteps`, or `notReturnedStep`.
   */
  addPastLimit(seconds: number, count: number): void {
    this.#pastLimit.set(seconds, (this.#pastLimit.get(seconds) ?? 0) + count)
  }

  /** The buckets that are not empty. */
  get buckets(): BucketCounts[] {
    return this.#counts
      .map((counts, index) => ({ start: this.starts[index] ?? 0, counts: omitZeros(counts) }))
      .filter(({ counts }) => Object.keys(counts).length > 0)
  }

  get pastLimit(): PastLimitCounts {
    return this.#pastLimit
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

/** Sessions that were corrected are added first, and subtracted later. */
function omitZeros(counts: BucketCounts['counts']): BucketCounts['counts'] {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}
