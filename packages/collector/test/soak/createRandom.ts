import { createHash } from 'node:crypto'

/** Random choices that are the same for the same seed. */
export interface Random {
  /** Returns a number from `from` up to, but not including, `to`. */
  between(from: number, to: number): number
  isTrue(probability: number): boolean
  choose<T>(values: readonly [T, ...T[]]): T
  shuffle<T>(values: readonly T[]): T[]
}

export function createRandom(seed: string): Random {
  let count = 0
  function next(): number {
    count += 1
    return createHash('sha256').update(`${seed} ${count}`).digest().readUInt32BE() / 2 ** 32
  }
  return {
    between: (from, to) => from + next() * (to - from),
    isTrue: (probability) => next() < probability,
    choose: (values) => values[Math.floor(next() * values.length)] ?? values[0],
    shuffle: (values) =>
      values
        .map((value) => ({ value, order: next() }))
        .toSorted((a, b) => a.order - b.order)
        .map(({ value }) => value),
  }
}
