/** For an even count, returns the higher of the two middle numbers. */
export const computeMedian = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
