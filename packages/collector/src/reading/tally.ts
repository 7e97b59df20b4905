import type { Reason } from '../domain/verdict.ts'
import type { PastLimitCounts } from './pastLimit.ts'

/** The lapses of one bucket by their reason. A reason that did not occur is left out. */
export interface BucketCounts {
  /** Where the bucket begins, in epoch milliseconds. */
  readonly start: number
  readonly counts: Readonly<Partial<Record<Reason, number>>>
}

/** Gathers the counts of a summary, whatever order they come in. */
export class Tally {
  /** Where the buckets begin, in their order; epoch milliseconds. */
  readonly starts: readonly number[]
  readonly #counts: Partial<Record<Reason, number>>[]
  readonly #pastLimit = new Map<number, number>()

  constructor(starts: readonly number[]) {
    this.starts = starts
    this.#counts = starts.map(() => ({}))
  }

  /** Counts lapses that were detected in the bucket of `at`, epoch milliseconds. */
  add(at: number, reason: Reason, count: number): void {
    const counts = this.#counts[this.#bucketOf(at)]
    if (counts) counts[reason] = (counts[reason] ?? 0) + count
  }

  /** Counts those who came back so far past the limit; in seconds, the beginning of one of `pastLimitSteps`. */
  addPastLimit(seconds: number, count: number): void {
    this.#pastLimit.set(seconds, (this.#pastLimit.get(seconds) ?? 0) + count)
  }

  /** Those with a count. */
  get buckets(): BucketCounts[] {
    return this.#counts
      .map((counts, index) => ({ start: this.starts[index] ?? 0, counts }))
      .filter(({ counts }) => Object.keys(counts).length > 0)
  }

  get pastLimit(): PastLimitCounts {
    return this.#pastLimit
  }

  #bucketOf(at: number): number {
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
